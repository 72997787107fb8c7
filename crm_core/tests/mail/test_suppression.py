"""Which mail reaches which address: every kind to every state, and how addresses get on the list."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.entity import records
from crm_core.errors import Invalid
from crm_core.features.mail.entities import SUPPRESSION, suppress
from crm_core.features.mail.models import Suppression
from crm_core.features.mail.queries import STOPS
from crm_core.features.mail.schemas import Reason
from crm_core.kernel import Kernel
from crm_core.testing.people import Api, People

KINDS = ("transactional", "marketing", "security")
STATES = ((), ("unsubscribe",), ("bounce",), ("complaint",), ("unsubscribe", "bounce"), ("unsubscribe", "complaint"))
# What the table says, written down a second time and by hand: (kind, state) that are sent.
SENT = {
    ("transactional", ()): "", ("transactional", ("unsubscribe",)): "",
    ("marketing", ()): "",
    ("security", ()): "", ("security", ("unsubscribe",)): "",
    ("security", ("bounce",)): "bounce", ("security", ("complaint",)): "complaint",
    ("security", ("unsubscribe", "bounce")): "bounce", ("security", ("unsubscribe", "complaint")): "complaint",
}  # fmt: skip


async def put(kernel: Kernel, address: str, *reasons: str) -> None:
    for reason in reasons:
        async with kernel.write(system("test")) as uow:
            await suppress(uow, address, Reason(reason), "test")


async def test_each_kind_to_each_state(kernel: Kernel, smtp: Any, ledger: Any, jobs: Any) -> None:
    cases = list(itertools.product(KINDS, STATES))
    sent = {}
    for n, (kind, state) in enumerate(cases):
        await put(kernel, f"case{n}@example.test", *state)
        sent[kind, state] = await ledger.send(f"Case{n}@Example.test", kind=kind)
    await jobs()
    reached = {r for t in smtp.taken for r in t.recipients}
    for n, case in enumerate(cases):
        row = await ledger.row(sent[case])
        assert row.state == ("sent" if case in SENT else "suppressed"), case
        assert (f"Case{n}@example.test" in reached) == (case in SENT), case
        assert row.notice == (f"sent although the address is suppressed: {SENT[case]}" if SENT.get(case) else ""), case
    print(f"{len(cases)} combinations of kind and state, {len(reached)} sent")
    assert set(STOPS) == set(KINDS)


async def test_address_suppressed_while_the_mail_is_on_its_way_to_the_server_gets_nothing(
    kernel: Kernel, smtp: Any, ledger: Any, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crm_core.features.mail import transports

    real = transports.connected

    async def late(*given: Any) -> Any:
        client = await real(*given)
        await put(kernel, "anna@example.test", "bounce")
        return client

    monkeypatch.setattr(transports, "connected", late)
    mail_id = await ledger.send()
    await jobs()
    assert ((await ledger.row(mail_id)).state, smtp.taken) == ("suppressed", [])


async def test_marketing_carries_a_way_out_and_others_do_not(
    kernel: Kernel, smtp: Any, ledger: Any, jobs: Any, client: Any
) -> None:
    await ledger.send(kind="marketing", html="<html><body><p>News</p></body></html>")
    await ledger.send(kind="transactional")
    await jobs()
    news, plain = (t.message for t in smtp.taken)
    assert plain["List-Unsubscribe"] is None
    url = re.fullmatch(r"<(http://testserver\.local/public/mail/unsubscribe/[\w-]{43})>", news["List-Unsubscribe"])[1]
    assert news["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert all(url in part.get_content() for part in news.iter_parts())
    # A scanner that opens the link changes nothing; neither does HEAD.
    assert (await client.get(url)).status_code == 200
    await client.head(url)
    async with kernel.read(system("test")) as uow:
        assert (await uow.session.scalars(sa.select(Suppression))).all() == []
    # One click, as a mail provider sends it; twice is the same as once.
    for _time in range(2):
        answer = await client.post(url, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    async with kernel.read(system("test")) as uow:
        [row] = (await uow.session.scalars(sa.select(Suppression))).all()
    assert (row.address, row.reason) == ("anna@example.test", "unsubscribe")
    mail_id = await ledger.send(kind="marketing")
    await jobs()
    assert (await ledger.row(mail_id)).state == "suppressed"


async def test_list_is_read_and_changed_by_api_and_pages(api: Api, as_user: People) -> None:
    made = await api.post("/suppressions", {"address": "Bob@Müller.test", "reason": "complaint"})
    assert made["address"] == "Bob@xn--mller-kva.test"
    await api.post("/suppressions", {"address": "bob@xn--mller-kva.test", "reason": "complaint"}, status=409)
    await api.post("/suppressions", {"address": "a@b\r\nBcc: c@d", "reason": "bounce"}, status=422)
    found = await api.get("/suppressions")
    assert [r["address"] for r in found["items"]] == ["Bob@xn--mller-kva.test"]
    admin = await as_user("admin")
    assert "Bob@xn--mller-kva.test" in (await admin.client.get("/suppressions")).text
    await api.delete(f"/suppressions/{made['id']}")
    assert (await api.get("/suppressions"))["items"] == []
    sales = await as_user("sales")
    await sales.api.get("/suppressions", status=403)


async def test_removed_address_gets_mail_again(kernel: Kernel, smtp: Any, ledger: Any, jobs: Any) -> None:
    await put(kernel, "anna@example.test", "bounce")
    async with kernel.write(system("test")) as uow:
        row = await uow.session.scalar(sa.select(Suppression))
        await records.delete(uow, SUPPRESSION, row)
    mail_id = await ledger.send()
    await jobs()
    assert (await ledger.row(mail_id)).state == "sent"


async def test_what_is_no_address_is_not_suppressed(kernel: Kernel) -> None:
    with pytest.raises(Invalid):
        await put(kernel, "nobody", "bounce")
