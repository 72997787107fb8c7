"""The ledger's pages and API, the server's form, templates, and what is deleted when."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.features.mail import actions, render
from crm_core.features.mail import public as mail
from crm_core.features.mail.models import MailRow, MailServer
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People
from jinja2 import UndefinedError

SERVER = {
    "host": "smtp.example.com", "port": 587, "security": "starttls", "user": "crm", "password": "a SECRET-MARKER",
    "sender_address": "crm@example.com", "sender_name": "Our CRM",
}  # fmt: skip


async def test_catcher_shows_mails_with_text_and_sandboxed_html(as_user: People, ledger: Any, jobs: Any) -> None:
    admin = await as_user("admin")
    mail_id = await ledger.send(subject="Grüße", html="<p>Hi</p><script>alert(1)</script>", text="Plain <b>words</b>")
    secret = await ledger.send(subject="Code", kind="security", text="CODE-4711")
    await jobs()
    listed = (await admin.client.get("/admin/mails")).text
    assert "Grüße" in listed
    assert "reach nobody" in listed
    shown = (await admin.client.get(f"/admin/mails/{mail_id}")).text
    assert "Plain &lt;b&gt;words" in shown
    assert "<script>alert" not in shown
    html = await admin.client.get(f"/admin/mails/{mail_id}/html")
    assert html.text.startswith("<p>Hi</p>")
    assert html.headers["content-security-policy"].startswith("sandbox ")
    assert "allow-scripts" not in html.headers["content-security-policy"]
    assert "CODE-4711" in (await admin.client.get(f"/admin/mails/{secret}")).text  # caught: for trying things out
    assert (await admin.client.get("/admin/mails?tab=problems&q=anna")).status_code == 200
    assert (await admin.client.get("/admin/mail/notice")).status_code == 204


async def test_sign_in_mail_that_is_really_sent_is_for_its_recipient_only(
    as_user: People, smtp: Any, ledger: Any, jobs: Any
) -> None:
    admin = await as_user("admin")
    smtp.rcpt["anna@example.test"] = "451 busy"
    mail_id = await ledger.send(kind="security", text="CODE-4711", html="<b>CODE-4711</b>")
    await jobs()
    page = (await admin.client.get(f"/admin/mails/{mail_id}")).text
    assert "CODE-4711" not in page
    assert "Only the recipient" in page
    assert (await admin.client.get(f"/admin/mails/{mail_id}/html")).status_code == 404
    assert "CODE-4711" not in str(await admin.api.get(f"/mails/{mail_id}"))


async def test_others_than_those_who_look_after_mail_see_nothing(as_user: People, ledger: Any, jobs: Any) -> None:
    mail_id = await ledger.send()
    sales = await as_user("sales")
    for path in ("/admin/mails", f"/admin/mails/{mail_id}", f"/admin/mails/{mail_id}/html", "/admin/mail"):
        assert (await sales.client.get(path)).status_code == 403, path
        assert (await as_user.browser().get(path)).status_code in (303, 401), path
    for path in ("/mails", f"/mails/{mail_id}", "/mail/server"):
        await sales.api.get(path, status=403)
    for path in (f"/admin/mails/{mail_id}/retry", "/admin/mail/test", "/admin/mail/pause", "/admin/mail/resume"):
        assert (await sales.client.post(path)).status_code == 403, path


async def test_password_of_the_server_is_sealed_and_never_given_back(
    kernel: Kernel, api: Api, as_user: People, events: Any
) -> None:
    answer = await api.send("PUT", "/mail/server", 200, json=SERVER)
    assert (answer["chosen"], answer["password_set"], answer["sender_name"]) == ("smtp", True, "Our CRM")
    assert "MARKER" not in str(await api.get("/mail/server"))
    admin = await as_user("admin")
    assert "MARKER" not in (await admin.client.get("/admin/mail")).text
    assert "MARKER" not in str(await events(""))
    async with kernel.read(system("test")) as uow:
        sealed = await uow.session.scalar(sa.select(MailServer.password))
        assert sealed is not None
        assert "MARKER" not in sealed
    kept = await api.send("PUT", "/mail/server", 200, json=SERVER | {"password": "", "sender_name": "Other"})
    assert (kept["password_set"], kept["sender_name"]) == (True, "Other")
    # The stored password is for this server only: it is not sent to another one somebody types in.
    problem = await api.send("PUT", "/mail/server", 422, json=SERVER | {"password": "", "host": "evil.example.com"})
    assert "password" in problem["fields"]
    assert [k for k, _p in await events("core.mail.settings")] == ["core.mail.settings_changed"] * 2


@pytest.mark.parametrize(
    ("change", "field"),
    [({"sender_address": "crm@x.test\r\nBcc: a@b.test"}, "sender_address"), ({"sender_name": "a\nb"}, "sender_name"),
     ({"host": "a b"}, "host"), ({"transport": "pigeon"}, "transport"), ({"security": "none"}, "security")],
)  # fmt: skip
async def test_server_that_cannot_work_is_refused(api: Api, change: dict[str, Any], field: str) -> None:
    problem = await api.send("PUT", "/mail/server", 422, json=SERVER | change)
    assert field in problem["fields"]


async def test_form_of_the_server_saves_and_comes_back_with_errors(as_user: People) -> None:
    admin = await as_user("admin")
    bad = await admin.client.post("/admin/mail", data=SERVER | {"sender_address": "nobody"})
    assert bad.status_code == 422
    assert "SECRET-MARKER" not in bad.text
    done = await admin.client.post("/admin/mail", data=SERVER)
    assert done.status_code == 303
    assert "smtp.example.com" in (await admin.client.get("/admin/mail")).text


async def test_test_mail_arrives_with_links_to_the_configured_address(
    as_user: People, smtp: Any, jobs: Any, kernel: Kernel
) -> None:
    admin = await as_user("admin")
    answer = await admin.client.post(
        "/admin/mail/test", data={"to": "me@example.test"}, headers={"x-forwarded-host": "evil.example"}
    )
    assert answer.status_code == 303
    await jobs()
    assert "Sent" in (await admin.client.get(answer.headers["location"])).text
    [taken] = smtp.taken
    plain, html = (p.get_content() for p in taken.message.iter_parts())
    assert "http://testserver.local/" in plain
    assert 'href="http://testserver.local/"' in html
    assert "evil.example" not in plain + html
    refused = await admin.client.post("/admin/mail/test", data={"to": "me@x.test\nBcc: you@x.test"})
    assert refused.status_code == 422


async def test_pause_is_shown_and_lifted(as_user: People, ledger: Any, jobs: Any, smtp: Any) -> None:
    admin = await as_user("admin")
    await admin.client.post("/admin/mail/pause")
    assert "Nothing is sent since" in (await admin.client.get("/admin/mail/notice")).text
    await ledger.send()
    await jobs()
    assert smtp.taken == []
    assert (await admin.api.post("/mail/resume", {"discard": True}, status=200)) == {"discarded": 1}
    assert (await admin.client.get("/admin/mail")).status_code == 200


async def test_mail_is_sent_again_by_api_only_when_it_may(api: Api, ledger: Any, jobs: Any, smtp: Any) -> None:
    smtp.rcpt["anna@example.test"] = "552 5.2.2 full"
    mail_id = await ledger.send()
    await jobs()
    assert [m["state"] for m in (await api.get("/mails?state=failed"))["items"]] == ["failed"]
    smtp.rcpt.clear()
    assert (await api.post(f"/mails/{mail_id}/retry", status=200))["state"] == "queued"
    await jobs()
    assert (await api.get(f"/mails/{mail_id}"))["state"] == "sent"
    await api.post(f"/mails/{mail_id}/retry", status=409)


async def test_template_is_rendered_in_the_language_asked_for(kernel: Kernel) -> None:
    data = {"who": "Ann <b>& Bob</b>", "when": "2026-03-02T10:00:00+00:00"}
    subject, text, html = render.rendered(kernel.registry, kernel.config, "core/mail/test", "en", data)
    assert subject == "Test mail from your CRM"
    assert "Ann <b>& Bob</b>" in text  # text is text
    assert "Ann &lt;b&gt;&amp; Bob&lt;/b&gt;" in html
    german = render.rendered(kernel.registry, kernel.config, "core/mail/test", "de", data)
    assert german[0] != subject
    with pytest.raises(UndefinedError):
        render.rendered(kernel.registry, kernel.config, "core/mail/test", "en", {"who": "Ann"})


async def test_texts_are_deleted_after_their_time(kernel: Kernel, ledger: Any, jobs: Any) -> None:
    old, waiting = await ledger.send(), await ledger.send()
    await jobs()
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.update(MailRow).values(created_at=actions.timedelta(days=-40) + uow.now))
        await uow.session.execute(sa.update(MailRow).where(MailRow.id == waiting).values(state="queued"))
        assert await mail.delete_bodies(uow, days=30) == 1
        assert await mail.delete_bodies(uow, days=30) == 0
    assert ((await ledger.row(old)).text, (await ledger.row(waiting)).text) == ("", "Good morning")
