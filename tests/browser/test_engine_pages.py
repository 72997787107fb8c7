"""Pools, working hours, absences and web forms in a browser: looks, axe, narrow screens, and what people do there."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from crm_looks import look_all_ways
from playwright.sync_api import Browser, Page, expect

OpenPage = Callable[..., Page]
PAGES = (
    "/pools", "pool", "pool/edit", "lead", "/work-calendars", "/work-calendars/new", "calendar", "calendar/edit",
    "calendar/hours", "/absences", "absence", "/absences/new", "/web-forms", "/web-forms/new", "form", "form/fields",
    "form/embed", "/web-form-submissions", "submission", "public", "lead/do/assign_by_pool",
)  # fmt: skip


@pytest.fixture(scope="module")
def paths(site: Any) -> dict[str, str]:
    """Paths of a pool with members, a calendar, an absence, a form, a submission and a lead with a receipt."""

    def made(path: str, **body: Any) -> str:
        answer = site.api.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    me = site.api.get("/users").json()["items"][0]["id"]
    others = [made("/users", name=n, email=f"{n.split()[0].lower()}@example.com") for n in ("Bea Novak", "Cem Aydin")]
    members = [
        {"user_id": me, "skills": "german:3, billing", "capacity": 20},
        {"user_id": others[0], "skills": "german:1", "weight": 2}, {"user_id": others[1], "is_paused": True},
    ]  # fmt: skip
    pool = made("/pools", name="Inbound leads", members=members, skills="german:2", strategy="weighted", owner_id=me)
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday"), "09:00-12:30, 13:15-17:00")
    calendar = made("/work-calendars", name="Office Munich", zone="Europe/Berlin", country="DE", subdivision="BY",
                    **week, friday="09:00-14:00", uses=[{"user_id": others[0]}],
                    days=[{"day": "2026-12-24", "hours": "09:00-12:00", "label": "Christmas Eve"}])  # fmt: skip
    absence = made("/absences", note="Skiing", owner_id=me, deputy_id=others[0], starts_at="2026-12-27T08:00:00Z",
                   ends_at="2027-01-02T16:00:00Z")  # fmt: skip
    lead = made("/leads", name="Greta Lind", company_name="Lind & Co")
    assert site.api.post(f"/leads/{lead}/assign_by_pool", json={"pool_id": pool}).status_code == 200
    fields = [
        {"field": "name", "label": "Your name", "is_required": True}, {"field": "email", "is_required": True},
        {"field": "company_name"}, {"field": "country"}, {"field": "description", "label": "How can we help?"},
    ]  # fmt: skip
    form = made("/web-forms", name="Contact", title="Talk to us", intro="We answer within one working day.",
                consent="I agree that my data is kept to answer this.", fields=fields, pool_id=pool,
                allowed_hosts="www.example.com")  # fmt: skip
    return {
        "pool": f"/pools/{pool}", "lead": f"/leads/{lead}", "calendar": f"/work-calendars/{calendar}",
        "absence": f"/absences/{absence}", "form": f"/web-forms/{form}",
    }  # fmt: skip


@pytest.fixture(scope="module")
def public(site: Any, paths: dict[str, str]) -> dict[str, str]:
    """The form's public path, and the page of a submission sent through it."""
    embed = httpx2.get(f"{site.url}{paths['form']}/embed", cookies={site.cookie: site.session})
    token = re.findall(r"/public/forms/([\w-]+)", embed.text)[0]
    sent = httpx2.post(
        f"{site.url}/public/forms/{token}/?utm_source=news", headers={"origin": "https://www.example.com"},
        data={"name": "Hedda Berg", "email": "hedda@example.com", "_consent": "1", "description": "A roof, please."},
    )  # fmt: skip
    assert sent.status_code == 200, sent.text
    (row,) = site.api.get("/web-form-submissions").json()["items"]
    return {"public": f"/public/forms/{token}/", "submission": f"/web-form-submissions/{row['id']}"}


@pytest.mark.parametrize("name", PAGES)
def test_pages_of_the_engines_look_right(
    open_page: OpenPage, paths: dict[str, str], public: dict[str, str], name: str
) -> None:
    first, slash, rest = name.partition("/")
    found = {**paths, **public}
    page = open_page(f"{found[first]}{slash}{rest}" if first in found else name)
    look_all_ways(page, name.replace("/", "_").strip("_"))


class _Other:
    """A web site of another origin: a page with the form in a frame, and one with the plain form."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        other = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = other.pages.get(self.path, "").encode()
                self.send_response(200 if body else 204)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def other() -> Iterator[_Other]:
    made = _Other()
    yield made
    made.server.shutdown()
    made.server.server_close()


def embedded(site: Any, name: str, hosts: str) -> tuple[str, str]:
    """Return frame and plain HTML of a new form, as the page for embedding shows them."""
    fields = [
        {"field": "name", "label": "Your name", "is_required": True}, {"field": "email", "is_required": True},
        {"field": "file_1", "label": "A plan"},
    ]  # fmt: skip
    made = site.api.post("/web-forms", json={"name": name, "fields": fields, "allowed_hosts": hosts}).json()
    page = httpx2.get(f"{site.url}/web-forms/{made['id']}/embed", cookies={site.cookie: site.session}).text
    codes = [html.unescape(x) for x in re.findall(r"<code>(.*?)</code>", page, re.DOTALL)]
    return codes[0], codes[1]


def test_form_works_in_a_frame_and_as_plain_html_on_another_origin(
    open_page: OpenPage, site: Any, other: _Other, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(b"%PDF-1.7 plan")
    frame, plain = embedded(site, "Elsewhere", f"127.0.0.1:{other.port}")
    head = "<!doctype html><html lang=en><title>Shop</title><link rel=icon href=data:,>"
    other.pages = {"/frame": f"{head}<h1>Shop</h1>{frame}", "/plain": f"{head}<h1>Shop</h1>{plain}"}
    page = open_page(f"{other.url}/frame")
    inside = page.frame_locator("iframe")
    inside.get_by_label("Your name").fill("In A Frame")
    inside.get_by_label("E-mail").fill("frame@example.com")
    inside.get_by_label("A plan").set_input_files(plan)
    page.wait_for_timeout(2200)  # nobody fills a form in faster
    inside.get_by_role("button", name="Send").click()
    expect(inside.get_by_role("status")).to_contain_text("Thank you.")
    page.goto(f"{other.url}/plain")
    page.get_by_label("Your name").fill("As Plain Html")
    page.get_by_label("E-mail").fill("plain@example.com")
    page.get_by_label("A plan").set_input_files(plan)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("Thank you.")
    found = site.api.get("/web-form-submissions").json()["items"][:2]
    assert {x["subject"] for x in found} == {"In A Frame", "As Plain Html"}
    assert {x["page_url"] for x in found} <= {f"{other.url}/frame", f"{other.url}/plain", f"{other.url}/"}
    files = site.api.get("/files").json()["items"]
    assert [f["name"] for f in files].count("plan.pdf") == 2


def test_form_is_not_shown_in_a_frame_of_a_site_that_is_not_listed(browser: Browser, site: Any, other: _Other) -> None:
    frame, _plain = embedded(site, "Nowhere", "www.example.com")
    other.pages = {"/": f"<!doctype html><title>Thief</title>{frame}"}
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text))
    page.goto(f"{other.url}/")
    page.wait_for_timeout(800)
    inside = page.frames[-1]
    assert inside.locator("form").count() == 0
    assert any("frame-ancestors" in x for x in said), said
    context.close()


def test_hours_are_edited_by_hand_without_scripts(open_page: OpenPage, paths: dict[str, str]) -> None:
    page = open_page(f"{paths['calendar']}/hours", scripts=False)
    page.get_by_role("button", name="Saturday: add hours").click()
    page.get_by_label("Saturday 1: from").fill("10:00")
    page.get_by_label("Saturday 1: to").fill("14:00")
    page.get_by_role("button", name="Monday 2: remove").click()
    page.get_by_role("button", name="Copy Monday to Tuesday").click()
    expect(page.get_by_label("Friday 1: to")).to_have_value("12:30")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("heading", name="Office Munich")).to_be_visible()
    expect(page.locator("main")).to_contain_text("10:00-14:00")
