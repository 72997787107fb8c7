"""Web forms and approvals in a browser: embedded on another site, without scripts, in both themes, on a phone."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from crm_looks import look, look_all_ways
from playwright.sync_api import Browser, Page, expect

OpenPage = Callable[..., Page]


class Elsewhere:
    """Another web site, on a port of its own: `pages` maps paths to HTML."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = site.pages.get(self.path, "<!doctype html><title>Nothing</title>").encode()
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def form(site: Any, elsewhere: Elsewhere) -> dict[str, str]:
    """A form that the other site may embed; `public` is its address."""
    body = {
        "name": "Contact form", "title": "Talk to us", "intro": "We answer within one working day.",
        "allowed_hosts": f"127.0.0.1:{elsewhere.port}", "consent": "You may store what I send in order to answer it.",
        "thanks": "Thank you. We will call you soon.",
        "fields": [
            {"field": "name", "label": "Your name", "is_required": True}, {"field": "email", "is_required": True},
            {"field": "phone", "help": "If you would like to be called."}, {"field": "source"},
            {"field": "description", "label": "How can we help?"},
        ],
    }  # fmt: skip
    answer = site.api.post("/web-forms", json=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert site.api.get(f"/web-forms/{made['id']}").status_code == 200
    return {"id": str(made["id"])}


def public_path(open_page: OpenPage, form: dict[str, str]) -> str:
    page = open_page(f"/web-forms/{form['id']}/embed")
    found = re.search(r"/public/forms/[\w-]+", page.content())
    assert found is not None
    return found[0]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 360])
def test_the_public_form_in_both_themes_and_narrow(
    open_page: OpenPage, form: dict[str, str], theme: str, width: int
) -> None:
    path = public_path(open_page, form)
    page = open_page(path, theme=theme, width=width, scripts=False)
    page = open_page(path, theme=theme, width=width)
    look(page, f"form-{theme}-{width}")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Please check the marked fields.")).to_be_visible()
    look(page, f"form-errors-{theme}-{width}")


def test_the_form_is_sent_without_scripts_and_says_thanks(open_page: OpenPage, site: Any, form: dict[str, str]) -> None:
    page = open_page(public_path(open_page, form), scripts=False)
    page.get_by_label("Your name").fill("Noscript Nora")
    page.get_by_label("E-mail").fill("nora@example.org")
    page.get_by_label("You may store").check()
    time.sleep(2.1)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("We will call you soon.")).to_be_visible()
    assert "Noscript Nora" in site.api.get("/leads").text


def test_the_form_works_in_a_frame_of_a_listed_site_and_in_no_other(
    browser: Browser, open_page: OpenPage, site: Any, form: dict[str, str], elsewhere: Elsewhere
) -> None:
    path = public_path(open_page, form)
    elsewhere.pages["/"] = (
        f'<!doctype html><title>Shop</title><iframe src="{site.url}{path}" width="600" height="900"></iframe>'
    )
    page = browser.new_page()
    page.goto(elsewhere.url)
    frame = page.frame_locator("iframe")
    frame.get_by_label("Your name").fill("Framed Fred")
    frame.get_by_label("E-mail").fill("fred@example.org")
    frame.get_by_label("You may store").check()
    time.sleep(2.1)
    frame.get_by_role("button", name="Send").click()
    expect(frame.get_by_text("We will call you soon.")).to_be_visible()
    assert "Framed Fred" in site.api.get("/leads").text
    page.goto(elsewhere.url.replace("127.0.0.1", "localhost"))
    expect(page.frame_locator("iframe").get_by_label("Your name")).to_have_count(0)
    page.close()


def test_a_plain_form_of_a_listed_site_is_taken_and_of_another_refused(
    browser: Browser, open_page: OpenPage, site: Any, form: dict[str, str], elsewhere: Elsewhere
) -> None:
    path = public_path(open_page, form)
    elsewhere.pages["/plain"] = (
        f'<!doctype html><title>Shop</title><form action="{site.url}{path}" method="post">'
        '<input name="name" value="Plain Paul">'
        '<input name="email" value="paul@example.org"><input name="_consent" value="1"><button>Go</button></form>'
    )
    page = browser.new_page()
    page.goto(f"{elsewhere.url}/plain")
    page.get_by_role("button").click()
    expect(page.get_by_text("We will call you soon.")).to_be_visible()
    assert "Plain Paul" in site.api.get("/leads").text
    page.goto(f"{elsewhere.url.replace('127.0.0.1', 'localhost')}/plain")
    page.get_by_role("button").click()
    expect(page.get_by_text("may not be used on this web site")).to_be_visible()
    page.close()


def test_builder_embed_page_and_submissions(open_page: OpenPage, form: dict[str, str]) -> None:
    for path in ("/embed", "/fields"):
        look_all_ways(open_page(f"/web-forms/{form['id']}{path}"), f"webform{path.replace('/', '-')}")
    look_all_ways(open_page("/web-form-submissions"), "submissions")


def test_the_builder_works_without_scripts(open_page: OpenPage, site: Any, form: dict[str, str]) -> None:
    page = open_page(f"/web-forms/{form['id']}/fields", scripts=False)
    page.get_by_label("Field to add").select_option("country")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Move Country up").click()
    page.get_by_role("button", name="Save").last.click()
    names = [f["field"] for f in site.api.get(f"/web-forms/{form['id']}").json()["fields"]]
    assert names == ["name", "email", "phone", "source", "country", "description"]


@pytest.mark.parametrize(("theme", "width"), [("light", 1360), ("dark", 360)])
def test_approvals_wait_and_are_decided(open_page: OpenPage, site: Any, theme: str, width: int) -> None:
    site.api.patch("/settings/core.approvals", json={"own_requests": True})
    me = site.api.get("/session").json()
    deal = site.api.post("/deals", json={"name": f"Large deal {theme}", "amount": "50000"}).json()["id"]
    user = me["user_id"]
    body = {
        "about": f"core.deal:{deal}", "title": "Discount of 12 %", "reason": "They decide this week.",
        "steps": [{"users": [user]}, {"users": [user], "needed": "any"}], "fields": ["amount"],
    }  # fmt: skip
    made = site.api.post("/approvals", json=body)
    assert made.status_code == 201, made.text
    page = open_page("/approvals", theme=theme, width=width)
    look(page, f"approvals-{theme}-{width}")
    page.get_by_role("link", name="Discount of 12 %").first.click()
    look(page, f"approval-{theme}-{width}")
    page.get_by_label("Comment").fill("Once.")
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url("**/approvals")
    page = open_page(f"/deals/{deal}", theme=theme, width=width)
    expect(page.get_by_role("region", name="Approvals")).to_contain_text("Discount")
    page = open_page(f"/approvals/new?about=core.deal:{deal}", theme=theme, width=width)
    look(page, f"approval-new-{theme}-{width}")
