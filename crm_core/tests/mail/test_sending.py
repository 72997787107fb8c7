"""From the wish to send a mail to its known, or honestly unknown, end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.types import utcnow
from crm_core.features.mail import actions, server, transports
from crm_core.features.mail import public as mail
from crm_core.features.mail.delivery import deliver
from crm_core.features.mail.models import MailRow, Suppression
from crm_core.features.mail.schemas import ReviveMails
from crm_core.jobs.rows import JOBS, job
from crm_core.kernel import Kernel


async def due(kernel: Kernel) -> None:
    """Make waiting jobs due, as time would."""
    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.update(JOBS).where(job.state == "pending").values(run_at=utcnow()))


async def test_mail_without_a_server_is_caught_and_kept(kernel: Kernel, ledger: Any, jobs: Any, events: Any) -> None:
    mail_id = await ledger.send(html="<p>Good morning</p>")
    assert (await ledger.row(mail_id)).state == "queued"
    await jobs()
    row = await ledger.row(mail_id)
    assert (row.state, row.transport, row.html) == ("caught", "catcher", "<p>Good morning</p>")
    assert [kind for kind, _payload in await events("core.mail.")] == ["core.mail.sent"]
    async with kernel.read(system("test")) as uow:
        assert not await mail.is_set_up(uow)


async def test_mail_reaches_the_server_with_both_parts(kernel: Kernel, smtp: Any, ledger: Any, jobs: Any) -> None:
    mail_id = await ledger.send(
        subject="Grüße", text="Guten Morgen\n.\n", html="<p>Guten Morgen</p>", reply_to="r@x.test"
    )
    await jobs()
    row = await ledger.row(mail_id)
    assert (row.state, row.transport, row.attempts, row.error) == ("sent", "smtp", 1, "")
    [taken] = smtp.taken
    assert (taken.sender, taken.recipients) == ("crm@example.test", ["anna@example.test"])
    message = taken.message
    assert message["Subject"] == "Grüße"
    assert message["From"] == "The CRM <crm@example.test>"
    assert (message["To"], message["Reply-To"], message["Message-ID"]) == (
        "anna@example.test",
        "r@x.test",
        row.message_id,
    )
    assert message["Auto-Submitted"] == "auto-generated"
    plain, html = message.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == "Guten Morgen\n.\n"
    assert html.get_content().strip() == "<p>Guten Morgen</p>"
    async with kernel.read(system("test")) as uow:
        assert await mail.is_set_up(uow)


async def test_mail_of_a_request_that_failed_is_not_sent(kernel: Kernel, smtp: Any, jobs: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        async with kernel.write(system("test")) as uow:
            await mail.send(uow, mail.Mail(to="a@x.test", subject="s", text="t", kind="transactional", purpose="p"))
            raise ZeroDivisionError
    await jobs()
    assert smtp.taken == []


async def test_busy_server_is_asked_again_later(kernel: Kernel, smtp: Any, ledger: Any, jobs: Any) -> None:
    smtp.rcpt["anna@example.test"] = "451 4.3.2 busy"
    mail_id = await ledger.send()
    await jobs()
    row = await ledger.row(mail_id)
    assert (row.state, row.attempts, row.error) == ("queued", 1, "451 4.3.2 busy")
    assert row.due_at > utcnow() + timedelta(seconds=30)
    smtp.rcpt.clear()
    await due(kernel)
    await jobs()
    assert (await ledger.row(mail_id)).state == "sent"
    assert len(smtp.taken) == 1


async def test_busy_server_after_the_message_is_asked_again(kernel: Kernel, smtp: Any, ledger: Any, jobs: Any) -> None:
    smtp.data = "452 4.3.1 disk full"
    mail_id = await ledger.send()
    await jobs()
    assert (await ledger.row(mail_id)).state == "queued"
    smtp.data = "250 ok"
    await due(kernel)
    await jobs()
    row = await ledger.row(mail_id)
    assert (row.state, row.attempts, len(smtp.taken)) == ("sent", 2, 1)


async def test_mail_is_given_up_after_the_last_attempt(kernel: Kernel, smtp: Any, ledger: Any, jobs: Any) -> None:
    smtp.rcpt["anna@example.test"] = "451 4.3.2 busy"
    mail_id = await ledger.send()
    for _attempt in range(12):
        await jobs()
        await due(kernel)
    row = await ledger.row(mail_id)
    assert (row.state, row.error) == ("failed", "451 4.3.2 busy")
    async with kernel.read(system("test")) as uow:
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(Suppression)) == 0


@pytest.mark.parametrize(
    ("answer", "suppressed"),
    [("550 5.1.1 no such user", True), ("550 no such user", True), ("550 5.7.1 relaying denied", False),
     ("552 5.2.2 mailbox full", False)],
)  # fmt: skip
async def test_refused_recipient_has_failed_and_is_suppressed_when_unknown(
    kernel: Kernel, smtp: Any, ledger: Any, jobs: Any, answer: str, suppressed: bool
) -> None:
    smtp.rcpt["anna@example.test"] = answer
    mail_id = await ledger.send()
    await jobs()
    row = await ledger.row(mail_id)
    assert (row.state, row.error) == ("failed", answer)
    async with kernel.read(system("test")) as uow:
        assert (await uow.session.scalars(sa.select(Suppression.address))).all() == (
            ["anna@example.test"] if suppressed else []
        )


async def test_line_that_drops_after_the_message_leaves_it_ambiguous_and_unsent(
    kernel: Kernel, smtp: Any, ledger: Any, jobs: Any, events: Any
) -> None:
    smtp.drop = True
    mail_id = await ledger.send()
    await jobs()
    row = await ledger.row(mail_id)
    assert (row.state, len(smtp.taken)) == ("ambiguous", 1)
    assert smtp.taken[0].message["Message-ID"] == row.message_id
    smtp.drop = False
    await due(kernel)
    await jobs()
    assert len(smtp.taken) == 1
    assert [p["state"] for _kind, p in await events("core.mail.not_sent")] == ["ambiguous"]
    async with kernel.write(system("test")) as uow:
        await actions.retry(uow, mail_id)
    await jobs()
    row = await ledger.row(mail_id)
    assert (row.state, len(smtp.taken)) == ("sent", 2)
    assert {t.message["Message-ID"] for t in smtp.taken} == {row.message_id}


async def test_mail_found_on_its_way_by_the_next_process_is_ambiguous(
    kernel: Kernel, smtp: Any, ledger: Any, jobs: Any
) -> None:
    mail_id = await ledger.send()
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.update(MailRow).values(state="sending"))
    await jobs()
    assert ((await ledger.row(mail_id)).state, smtp.taken) == ("ambiguous", [])


async def test_two_runs_of_one_job_send_one_mail(kernel: Kernel, smtp: Any, ledger: Any, jobs: Any) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        reached.set()
        await go_on.wait()

    smtp.on_data = wait
    mail_id = await ledger.send()
    first = asyncio.create_task(jobs())
    await reached.wait()
    async with kernel.write(system("test")) as uow:  # as if the lease had run out
        await uow.enqueue(mail_send(mail_id))
    await jobs()
    assert (await ledger.row(mail_id)).state == "ambiguous"
    go_on.set()
    await first
    assert ((await ledger.row(mail_id)).state, len(smtp.taken)) == ("sent", 1)  # the first learned the outcome


async def test_mails_whose_job_died_are_sent_or_flagged_all_the_same(
    kernel: Kernel, smtp: Any, ledger: Any, jobs: Any
) -> None:
    waiting, on_its_way = await ledger.send(), await ledger.send()
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.update(JOBS).values(state="dead", held_key=None))
        await uow.session.execute(sa.update(MailRow).values(created_at=uow.now - timedelta(minutes=5)))
        await uow.session.execute(sa.update(MailRow).where(MailRow.id == on_its_way).values(state="sending"))
        await uow.enqueue(ReviveMails())
        await uow.enqueue(ReviveMails())  # twice is the same as once
    await jobs()
    states = (await ledger.row(waiting)).state, (await ledger.row(on_its_way)).state
    assert (states, len(smtp.taken)) == (("sent", "ambiguous"), 1)


async def test_two_attempts_that_both_found_it_waiting_send_one_mail(
    kernel: Kernel, smtp: Any, ledger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, begun = transports.connected, []
    mail_id = await ledger.send()

    async def overtaken(*given: Any) -> Any:
        client = await real(*given)
        if not begun:
            begun.append(True)
            await deliver(kernel, mail_id)
        return client

    monkeypatch.setattr(transports, "connected", overtaken)
    await deliver(kernel, mail_id)
    row = await ledger.row(mail_id)
    assert (row.state, row.attempts, len(smtp.taken)) == ("sent", 1, 1)


def mail_send(mail_id: Any) -> Any:
    from crm_core.features.mail.schemas import SendMail

    return SendMail(mail_id=mail_id)


async def test_server_that_cannot_be_reached_is_tried_later(kernel: Kernel, smtp: Any, ledger: Any, jobs: Any) -> None:
    async with kernel.write(system("test")) as uow:
        await server.save(
            uow, server.MailSettings(host="10.1.2.3", port=25, security="none", sender_address="crm@example.test")
        )
    mail_id = await ledger.send()
    await jobs()
    row = await ledger.row(mail_id)
    assert (row.state, row.error) == ("queued", "This address cannot be reached.")


async def test_security_mail_is_kept_sealed_and_only_until_it_is_sent(
    kernel: Kernel, smtp: Any, ledger: Any, jobs: Any
) -> None:
    mail_id = await ledger.send(kind="security", text="Your code is 4711-MARKER", html="<b>4711-MARKER</b>")
    row = await ledger.row(mail_id)
    assert "MARKER" not in f"{row.text}{row.html}{row.secret_body}"
    await jobs()
    row = await ledger.row(mail_id)
    assert (row.state, row.secret_body, row.text) == ("sent", None, "")
    assert "4711-MARKER" in smtp.taken[0].message.get_body(("plain",)).get_content()


async def test_paused_installation_sends_nothing_until_a_person_resumes(
    kernel: Kernel, smtp: Any, ledger: Any, jobs: Any, events: Any
) -> None:
    async with kernel.write(system("test")) as uow:
        await mail.pause(uow, "restored from a backup")
    first = await ledger.send()
    secret = await ledger.send(kind="security")
    await jobs()
    assert ((await ledger.row(first)).state, (await ledger.row(secret)).state, smtp.taken) == ("queued", "queued", [])
    async with kernel.write(system("test")) as uow:
        assert (await mail.paused(uow)).reason == "restored from a backup"  # type: ignore[union-attr]
        assert await mail.resume(uow, discard=True) == 2
    later = await ledger.send()
    await due(kernel)
    await jobs()
    assert [(await ledger.row(m)).state for m in (first, secret, later)] == ["failed", "failed", "sent"]
    assert len(smtp.taken) == 1
    assert [k for k, _p in await events("core.outgoing.")] == ["core.outgoing.paused", "core.outgoing.resumed"]
