"""Web forms: what visitors see and send, what becomes of it, and what is refused."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.features.leads.models import Lead
from crm_core.features.mail.models import MailRow
from crm_core.features.web_forms.models import WebForm, WebFormField, WebFormSubmission
from crm_core.features.web_forms.schemas import ExpireSubmissions
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People

SYSTEM = system("test")
SITE = {"origin": "https://www.example.com"}
GOOD = {"name": "Ada Lovelace", "email": "ada@example.org"}
FIELDS = [
    {"field": "name", "label": "Your name", "is_required": True},
    {"field": "email", "is_required": True},
    {"field": "company_name"},
    {"field": "description", "help": "In a few words"},
]


async def a_form(api: Api, **values: Any) -> dict[str, Any]:
    body = {"name": "Contact", "allowed_hosts": "www.example.com", "fields": FIELDS, **values}
    made: dict[str, Any] = await api.post("/web-forms", body)
    return made


async def address(kernel: Kernel, form: dict[str, Any]) -> str:
    async with kernel.read(SYSTEM) as uow:
        token = await uow.session.scalar(sa.select(WebForm.token).where(WebForm.name == form["name"]))
    return f"/public/forms/{token}/"


async def rows(kernel: Kernel, model: Any) -> list[Any]:
    async with kernel.read(SYSTEM) as uow:
        return list(await uow.session.scalars(sa.select(model).order_by(model.id)))


def hidden(page: str) -> dict[str, str]:
    found = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
    return {k: v for k, v in found.items() if k in ("_at", "_key", "_page") or k.startswith("utm_")}


@pytest.fixture(autouse=True)
def patient(kernel: Kernel) -> None:
    """Every request counts in a minute of its own, unless a test is about the limits."""
    clock = itertools.count(1_000_000, 60)
    kernel.limits.clock = lambda: float(next(clock))
    kernel.db.write_limit = None  # a busy machine is no fault of the forms


async def opened(client: httpx2.AsyncClient, path: str, ago: int = 5, **more: Any) -> dict[str, str]:
    """Return the hidden fields of the page, as if it had been loaded some seconds ago."""
    real = time.time
    try:
        time.time = lambda: real() - ago
        page = await client.get(path, **more)
    finally:
        time.time = real
    assert page.status_code == 200, page.text
    return hidden(page.text)


async def test_a_visitor_sees_the_form_and_sends_a_lead(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient, events: Any
) -> None:
    api, seller = (await as_user("admin")).api, await as_user("sales")
    form = await a_form(api, assign_to_id=str(seller.id), thanks="See you soon")
    path = await address(kernel, form)
    stamp = await opened(
        client,
        path + "?utm_campaign=spring&utm_source=news",
        headers={"referer": "https://www.example.com/contact?secret=1"},
    )
    sent = await client.post(path, data={**GOOD, **stamp, "company_name": "Engines & Co"})
    assert sent.status_code == 200, sent.text
    assert "See you soon" in sent.text
    (lead,) = await rows(kernel, Lead)
    assert (lead.name, lead.email, lead.company_name, lead.source) == (
        "Ada Lovelace",
        "ada@example.org",
        "Engines & Co",
        "website",
    )
    assert lead.owner_id == seller.id
    (row,) = await rows(kernel, WebFormSubmission)
    assert (row.state, row.record_entity, row.record_id) == ("accepted", "core.lead", lead.id)
    assert (row.page_url, row.utm_campaign, row.utm_source) == ("https://www.example.com/contact", "spring", "news")
    assert "127.0.0.1" not in row.address_hash
    assert ("core.web_form.submitted", "Contact") in [(k, p.get("form")) for k, p in await events("core.web_form.")]
    panel = await seller.client.get(f"/web-form-source?entity=core.lead&id={lead.id}")
    assert "spring" in panel.text
    assert "What was sent" not in panel.text


async def test_the_public_page_has_no_cookie_and_names_who_may_frame_it(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    admin = await as_user("admin")
    form = await a_form(
        admin.api,
        allowed_hosts="https://www.example.com/\n*.partner.example",
        thanks_url="https://www.example.com/thanks",
    )
    path = await address(kernel, form)
    page = await client.get(path)
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'self' www.example.com *.partner.example" in policy
    assert "form-action 'self' https://www.example.com;" in policy
    assert "unsafe" not in policy
    assert "set-cookie" not in page.headers
    assert page.headers["cache-control"] == "public, max-age=60"
    assert page.headers["x-robots-tag"].startswith("noindex")
    own = await admin.client.get(path)
    assert 'name="csrf-token" content=""' in own.text, "a cached page must not carry somebody's form token"
    assert "<script" not in own.text.replace("theme.js", "").split("</head>")[1]
    sent = await client.post(path, data={**GOOD, **await opened(client, path)})
    assert (sent.status_code, sent.headers["location"]) == (303, "https://www.example.com/thanks")


async def test_what_is_wrong_comes_back_with_its_texts_and_values(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    form = await a_form((await as_user("admin")).api, consent="You may write to me.")
    path = await address(kernel, form)
    stamp = await opened(client, path)
    bad = await client.post(path, data={**stamp, "email": "no address", "description": "<b>kept</b>"})
    assert bad.status_code == 422
    assert "This is not an e-mail address." in bad.text
    assert bad.text.count("This is required.") == 1
    assert "Please agree to this." in bad.text
    assert 'value="no address"' in bad.text
    assert "&lt;b&gt;kept&lt;/b&gt;" in bad.text
    assert await rows(kernel, WebFormSubmission) == []
    await client.post(path, data={**GOOD, **hidden(bad.text), **stamp, "_consent": "1"})
    (row,) = await rows(kernel, WebFormSubmission)
    assert row.consent == "You may write to me."


async def test_a_form_sent_at_once_or_with_a_strange_stamp_comes_back(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    path = await address(kernel, await a_form((await as_user("admin")).api))
    quick = await opened(client, path, ago=0)
    stale = await opened(client, path, ago=25 * 3600)
    for stamp in (quick, stale, {}, {**quick, "_at": "1.x"}, {**quick, "_at": "x" * 5000}):
        answer = await client.post(path, data={**GOOD, **stamp})
        assert answer.status_code == 422
        assert 'value="Ada Lovelace"' in answer.text
    assert await rows(kernel, WebFormSubmission) == []


async def test_the_trap_keeps_spam_apart_and_says_nothing(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    admin = await as_user("admin")
    form = await a_form(admin.api)
    path = await address(kernel, form)
    stamp = await opened(client, path)
    spam = await client.post(path, data={**GOOD, **stamp, "_website": "http://spam.example", "owner_id": "x"})
    assert spam.status_code == 200
    assert "Your message has arrived" in spam.text
    assert await rows(kernel, Lead) == []
    (row,) = await rows(kernel, WebFormSubmission)
    assert (row.state, row.reason) == ("spam", "trap")
    embed = await admin.client.get(f"/web-forms/{form['id']}/embed")
    assert "kept for 30 days" in embed.text
    taken = await admin.api.post(f"/web-form-submissions/{row.id}/accept", status=200)
    assert taken is not None
    (lead,) = await rows(kernel, Lead)
    assert (lead.name, lead.owner_id) == ("Ada Lovelace", None)
    await admin.api.post(f"/web-form-submissions/{row.id}/accept", status=409)


async def test_spam_is_deleted_after_thirty_days_and_accepted_never(
    kernel: Kernel, as_user: People, client: Any
) -> None:
    from crm_core.features.web_forms.retention import KINDS

    path = await address(kernel, await a_form((await as_user("admin")).api))
    stamp = await opened(client, path)
    await client.post(path, data={**GOOD, **stamp, "_website": "x"})
    await client.post(path, data={**GOOD, **stamp})
    spam = next(k for k in KINDS if k.name == "core.web_form_spam")
    assert spam.days == 30
    async with kernel.write(SYSTEM) as uow:
        assert await spam.count(uow, uow.now - timedelta(days=30)) == 0
        assert await spam.delete(uow, uow.now + timedelta(seconds=1), 100) == 1
    assert [r.state for r in await rows(kernel, WebFormSubmission)] == ["accepted"]


async def test_plain_html_works_from_listed_sites_only(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    path = await address(
        kernel, await a_form((await as_user("admin")).api, allowed_hosts="www.example.com\n*.partner.example")
    )
    cross = {"sec-fetch-site": "cross-site"}
    good = await client.post(path, data=GOOD, headers={**SITE, **cross})
    assert good.status_code == 200, good.text
    assert (
        await client.post(path, data={**GOOD, "name": "B"}, headers={"origin": "https://a.partner.example", **cross})
    ).status_code == 200
    for origin in (
        "https://evil.example", "https://www.example.com.evil.example", "https://partner.example.evil", "https://xwww.example.com",
        "https://evil.example/www.example.com", "http://[", "https://partner.example",
    ):  # fmt: skip
        refused = await client.post(path, data={**GOOD, "name": "C"}, headers={"origin": origin, **cross})
        assert refused.status_code == 403, origin
    by_referer = await client.post(path, data={**GOOD, "name": "D"}, headers={"referer": "https://evil.example/x"})
    assert by_referer.status_code == 403
    nobody = await client.post(path, data={**GOOD, "name": "E"}, headers={"origin": "null"})
    assert nobody.status_code == 422, "without a site a stamp is needed"
    assert [lead.name for lead in await rows(kernel, Lead)] == ["Ada Lovelace", "B"]


async def test_no_other_path_takes_posts_from_elsewhere(as_user: People) -> None:
    client = (await as_user("admin")).client
    headers = {"origin": "https://www.example.com", "sec-fetch-site": "cross-site"}
    for path in ("/leads/new", "/public/mail/unsubscribe/x", "/public/form-confirm/x", "/web-forms/new"):
        assert (await client.post(path, data={}, headers=headers)).status_code == 403, path


async def test_a_visitor_sets_mapped_fields_and_nothing_else(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    admin = await as_user("admin")
    hidden_source = {"field": "source", "is_hidden": True, "value": "campaign"}
    path = await address(kernel, await a_form(admin.api, fields=[*FIELDS, hidden_source]))
    stamp = await opened(client, path)
    columns = {c.key: "x" for c in Lead.__table__.c if c.key not in ("name", "email", "company_name", "description")}
    more = {
        "id": "01890000-0000-7000-8000-000000000000",
        "role": "admin",
        "tags": "a",
        "source": "phone",
        "emails.address": "x@example.org",
    }
    sent = await client.post(path, data={**columns, **more, **GOOD, **stamp})
    assert sent.status_code == 200
    (lead,) = await rows(kernel, Lead)
    assert (lead.owner_id, lead.status, lead.source, lead.phone, lead.job_title) == (
        None,
        "new",
        "campaign",
        None,
        None,
    )
    assert str(lead.id) != more["id"]
    (row,) = await rows(kernel, WebFormSubmission)
    assert set(json.loads(row.answers)) == {"name", "email", "company_name", "description", "source"}


async def test_a_double_click_counts_once(kernel: Kernel, as_user: People, client: httpx2.AsyncClient) -> None:
    path = await address(kernel, await a_form((await as_user("admin")).api))
    stamp = await opened(client, path)
    answers = await asyncio.gather(*(client.post(path, data={**GOOD, **stamp}) for _n in range(4)))
    assert [a.status_code for a in answers] == [200] * 4
    assert len(await rows(kernel, Lead)) == 1
    for _n in range(2):
        assert (await client.post(path, data={**GOOD, "name": "Plain"}, headers=SITE)).status_code == 200
    await client.post(path, data={**GOOD, **stamp, "name": "Another"})
    assert [lead.name for lead in await rows(kernel, Lead)] == ["Ada Lovelace", "Plain", "Another"]


async def test_an_address_that_sends_too_much_waits(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    path = await address(kernel, await a_form((await as_user("admin")).api))
    kernel.limits.clock = lambda: 1_000_000.0
    codes = [(await client.post(path, data={**GOOD, "name": f"N{n}"}, headers=SITE)).status_code for n in range(12)]
    assert codes == [200] * 10 + [429] * 2


async def test_confirm_by_mail_makes_the_record_only_after_the_link(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    path = await address(
        kernel, await a_form((await as_user("admin")).api, is_double_opt_in=True, thanks_url="https://www.example.com/")
    )
    stamp = await opened(client, path)
    sent = await client.post(path, data={**GOOD, **stamp})
    assert sent.status_code == 200
    assert "look into your mail" in sent.text
    assert await rows(kernel, Lead) == []
    assert [r.state for r in await rows(kernel, WebFormSubmission)] == ["pending"]
    first = await link_in_mail(kernel)
    again = await client.post(f"{path}again", data={"_key": hidden(sent.text)["_key"]})
    assert again.status_code == 200
    second = await link_in_mail(kernel)
    assert first != second
    assert (await client.get(first)).status_code == 404, "the first link died with the second"
    for _n in range(2):
        assert (await client.get(second)).status_code == 200
    assert await rows(kernel, Lead) == []
    done = await client.post(second)
    assert done.status_code == 200
    (lead,) = await rows(kernel, Lead)
    (row,) = await rows(kernel, WebFormSubmission)
    assert (row.state, row.record_id, row.confirmed_at is not None) == ("accepted", lead.id, True)
    assert (await client.post(second)).status_code == 404
    assert len(await rows(kernel, Lead)) == 1


async def test_what_can_no_longer_be_made_when_it_is_confirmed_is_kept(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    path = await address(kernel, await a_form((await as_user("admin")).api, is_double_opt_in=True))
    await client.post(path, data=GOOD, headers=SITE)
    async with kernel.write(SYSTEM) as uow:
        await uow.session.execute(sa.update(WebFormSubmission).values(answers=json.dumps({**GOOD, "name": "x" * 300})))
    confirmed = await client.post(await link_in_mail(kernel))
    assert confirmed.status_code == 200
    assert [r.state for r in await rows(kernel, WebFormSubmission)] == ["failed"]
    assert await rows(kernel, Lead) == []


async def link_in_mail(kernel: Kernel) -> str:
    mails = [m for m in await rows(kernel, MailRow) if m.purpose == "core.web_form_confirm"]
    found = re.search(r"/public/form-confirm/[\w-]+", mails[-1].text)
    assert found is not None
    return found[0]


async def test_nobody_is_flooded_with_mails_to_confirm(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    path = await address(kernel, await a_form((await as_user("admin")).api, is_double_opt_in=True))
    for n in range(5):
        sent = await client.post(path, data={**GOOD, "name": f"N{n}"}, headers=SITE)
        assert "look into your mail" in sent.text
    assert len(await rows(kernel, MailRow)) == 3
    unknown = await client.post(f"{path}again", data={"_key": "unknown"})
    known = await client.post(f"{path}again", data={"_key": hidden(sent.text)["_key"]})
    assert unknown.status_code == known.status_code == 200
    assert len(await rows(kernel, MailRow)) == 3


async def test_what_nobody_confirms_ends(kernel: Kernel, as_user: People, client: Any, jobs: Any) -> None:
    path = await address(kernel, await a_form((await as_user("admin")).api, is_double_opt_in=True))
    await client.post(path, data=GOOD, headers=SITE)
    link = await link_in_mail(kernel)
    async with kernel.write(SYSTEM) as uow:
        await uow.session.execute(sa.update(WebFormSubmission).values(expires_at=uow.now))
        await uow.enqueue(ExpireSubmissions())
    await jobs()
    assert [r.state for r in await rows(kernel, WebFormSubmission)] == ["expired"]
    assert (await client.post(link)).status_code == 404
    assert await rows(kernel, Lead) == []


async def test_unknown_inactive_and_deleted_forms_get_one_answer(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    api = (await as_user("admin")).api
    form = await a_form(api)
    path = await address(kernel, form)
    unknown = await client.get("/public/forms/" + "x" * 32 + "/")
    await api.patch(f"/web-forms/{form['id']}", {"is_active": False})
    off = await client.get(path)
    posted = await client.post(path, data=GOOD, headers=SITE)
    await api.patch(f"/web-forms/{form['id']}", {"is_active": True})
    assert (await client.get(path)).status_code == 200
    await api.delete(f"/web-forms/{form['id']}")
    gone = await client.get(path)
    assert [a.status_code for a in (unknown, off, posted, gone)] == [404] * 4
    assert unknown.text == off.text == gone.text


async def test_bodies_that_are_no_form_get_clear_answers(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    path = await address(kernel, await a_form((await as_user("admin")).api))
    stamp = await opened(client, path)
    urlencoded = {"content-type": "application/x-www-form-urlencoded", **SITE}
    assert (await client.post(path, json=GOOD, headers=SITE)).status_code == 415
    assert (await client.post(path, content=b"name=x", headers=SITE)).status_code == 415
    assert (await client.post(path, content=b"name=" + b"x" * 2**20, headers=urlencoded)).status_code == 413
    assert (await client.post(path, content=b"name=a%00b&email=a@b.example", headers=urlencoded)).status_code == 422
    assert (await client.post(path, content=b"\xff\xfe=%ff&name=%ff", headers=urlencoded)).status_code in (400, 422)
    multipart = await client.post(
        path, files={"name": (None, "Mul\x00ti"), "email": (None, "a@b.example")}, headers=SITE
    )
    assert multipart.status_code == 422
    upload = await client.post(path, data={**GOOD, **stamp}, files={"name": ("a.txt", b"file")}, headers=SITE)
    assert upload.status_code in (200, 422)
    for odd in (
        "../../etc/passwd",
        "😀" * 200,
        "' or 1=1 --",
        "{{ 7*7 }}",
        "<script>alert(1)</script>",
        "\u202egnp.exe",
        "Zalgo̷̡",
    ):
        page = await client.post(path, data={**GOOD, "email": "no", "name": odd}, headers=SITE)
        assert page.status_code == 422
        assert "<script>alert" not in page.text
    assert [lead.name for lead in await rows(kernel, Lead) if lead.name not in GOOD["name"]] == []


async def test_long_values_and_long_lists_are_refused_at_their_field(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    path = await address(kernel, await a_form((await as_user("admin")).api))
    long = await client.post(path, data={**GOOD, "name": "x" * 300}, headers=SITE)
    assert long.status_code == 422
    assert "At most 255 characters." in long.text


async def test_a_record_that_is_refused_leaves_what_was_sent(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    admin = await as_user("admin")
    path = await address(kernel, await a_form(admin.api))
    async with kernel.write(SYSTEM) as uow:  # somebody broke the form behind the checks' back
        await uow.session.execute(sa.delete(WebFormField).where(WebFormField.field == "name"))
    sent = await client.post(path, data=GOOD, headers=SITE)
    assert sent.status_code == 200
    assert "Your message has arrived" in sent.text
    (row,) = await rows(kernel, WebFormSubmission)
    assert row.state == "failed"
    assert "missing" in row.reason
    assert json.loads(row.answers)["email"] == "ada@example.org"
    assert await rows(kernel, Lead) == []


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"target": "core.user"}, "target"),
        ({"target": "core.nothing"}, "target"),
        ({"allowed_hosts": "a b"}, "allowed_hosts"),
        ({"allowed_hosts": "*"}, "allowed_hosts"),
        ({"allowed_hosts": "x; script-src *"}, "allowed_hosts"),
        ({"thanks_url": "javascript:alert(1)"}, "thanks_url"),
        ({"thanks_url": "https://user:pw@example.com"}, "thanks_url"),
        ({"fields": [{"field": "owner_id"}]}, "fields"),
        ({"fields": [{"field": "status"}, *FIELDS]}, "fields"),
        ({"fields": [{"field": "email"}]}, "fields"),
        ({"fields": [*FIELDS, {"field": "source", "is_hidden": True, "value": "nowhere"}]}, "fields"),
        ({"fields": [*FIELDS, {"field": "name"}]}, "fields"),
    ],
)
async def test_forms_that_could_make_nothing_good_are_refused(api: Api, values: dict[str, Any], key: str) -> None:
    answer = await api.post("/web-forms", {"name": "F", "fields": FIELDS, **values}, status=422)
    assert key in answer["fields"], answer


async def test_a_contact_gets_its_address_through_a_form(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    api = (await as_user("admin")).api
    form = await api.post("/web-forms", {"name": "C", "target": "core.contact", "allowed_hosts": "www.example.com"})
    assert [f["field"] for f in form["fields"]] == ["last_name", "emails.address"]
    path = await address(kernel, form)
    sent = await client.post(path, data={"last_name": "Byron", "emails.address": "b@example.org"}, headers=SITE)
    assert sent.status_code == 200, sent.text
    (found,) = (await api.get("/contacts"))["items"]
    whole = await api.get(f"/contacts/{found['id']}")
    assert (whole["last_name"], whole["emails"][0]["address"]) == ("Byron", "b@example.org")


async def test_a_second_lead_of_the_same_person_is_made_and_nothing_is_overwritten(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    path = await address(kernel, await a_form((await as_user("admin")).api))
    for name in ("Ada Lovelace", "A. Lovelace"):
        await client.post(path, data={**GOOD, "name": name}, headers=SITE)
    assert [lead.name for lead in await rows(kernel, Lead)] == ["Ada Lovelace", "A. Lovelace"]


async def test_the_builder_adds_moves_removes_and_saves_without_scripts(as_user: People) -> None:
    admin, reader = await as_user("admin"), await as_user("sales")
    form = await a_form(admin.api)
    path = f"/web-forms/{form['id']}/fields"
    assert (await reader.client.get(path)).status_code in (403, 404)
    page = (await admin.client.get(path)).text
    assert page.count('name="line"') == 4

    def posted(text: str) -> dict[str, Any]:
        found: dict[str, Any] = {"line": re.findall(r'name="line" value="(\d+)"', text)}
        for n in found["line"]:
            found[f"{n}-field"] = re.findall(rf'name="{n}-field" value="([^"]*)"', text)[0]
            for part in ("label", "help", "value"):
                found[f"{n}-{part}"] = re.findall(rf'name="{n}-{part}" value="([^"]*)"', text)[0]
            for part in ("is_required", "is_hidden"):
                if re.search(rf'name="{n}-{part}" value="1" checked', text):
                    found[f"{n}-{part}"] = "1"
        return {**found, "version": re.findall(r'name="version" value="(\d+)"', text)[0]}

    page = (await admin.client.post(path, data={**posted(page), "do": "add", "add": "phone"})).text
    assert page.count('name="line"') == 5
    page = (await admin.client.post(path, data={**posted(page), "do": "up:4"})).text
    page = (await admin.client.post(path, data={**posted(page), "do": "remove:2"})).text
    body = {**posted(page), "2-label": "Call me at"}
    assert [f["field"] for f in (await admin.api.get(f"/web-forms/{form['id']}"))["fields"]] == [
        f["field"] for f in FIELDS
    ]
    saved = await admin.client.post(path, data={**body, "do": "save"})
    assert saved.status_code in (302, 303), saved.text
    lines = (await admin.api.get(f"/web-forms/{form['id']}"))["fields"]
    assert [(f["field"], f.get("label")) for f in lines][2] == ("phone", "Call me at")
    assert [f["field"] for f in lines] == ["name", "email", "phone", "description"]
    broken = posted((await admin.client.get(path)).text)
    broken.pop("0-is_required")
    refused = await admin.client.post(path, data={**broken, "do": "save"})
    assert refused.status_code == 422
    assert "add it as a required field" in refused.text
    for odd in ("up:x", "up:99", "remove:-1", "add", "fly", "down:3"):
        assert (await admin.client.post(path, data={**posted(page), "do": odd})).status_code == 200


async def test_the_embed_page_gives_code_that_works(
    kernel: Kernel, as_user: People, client: httpx2.AsyncClient
) -> None:
    admin = await as_user("admin")
    form = await a_form(admin.api, title='Say "hi" <now>')
    text = (await admin.client.get(f"/web-forms/{form['id']}/embed")).text
    import html

    shown = html.unescape(text)
    assert 'title="Say &quot;hi&quot; &lt;now&gt;"' in shown
    assert '<input type="email" name="email" required>' in shown
    assert 'name="_website"' in shown
    action = re.search(r'<form action="([^"]+)" method="post">', shown)
    assert action is not None
    sent = await client.post(action[1], data=GOOD, headers=SITE)
    assert sent.status_code == 200
    assert len(await rows(kernel, Lead)) == 1
