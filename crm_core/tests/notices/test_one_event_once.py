"""Somebody with several reasons to hear of one event hears of it once, in the way they chose for its strongest kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.features.mail.models import MailRow
from crm_core.features.notifications.models import Notification
from crm_core.features.notifications.schemas import SendDigests
from crm_core.kernel import Kernel
from crm_core.testing.people import People, Somebody

Jobs = Callable[..., Awaitable[Any]]
WAYS = {"app": (1, 0, 0), "mail": (1, 1, 0), "digest": (1, 0, 1), "off": (0, 0, 0)}
"""What is heard in the app, by mail at once and by digest."""
KINDS = ("core.mention", "core.assigned", "core.comment", "core.stage", "core.change")


async def mails(kernel: Kernel, someone: Somebody) -> int:
    async with kernel.read(system("test")) as uow:
        wanted = sa.select(sa.func.count()).select_from(MailRow).where(MailRow.recipient == someone.email)
        return await uow.session.scalar(wanted) or 0


async def digests(kernel: Kernel, jobs: Jobs) -> None:
    """Send what digests are due a day later, twice."""
    async with kernel.write(system("test")) as uow:
        for row in await uow.session.scalars(sa.select(Notification)):
            row.delivered_at = row.delivered_at and row.delivered_at - timedelta(hours=25)
    for _time in range(2):
        async with kernel.write(system("test")) as uow:
            await uow.enqueue(SendDigests())
        await jobs()


async def do(kind: str, admin: Somebody, rep: Somebody) -> str:
    """Let the administrator do one thing of which the other hears for several reasons; return its record."""
    deal = await admin.api.post("/deals", {"name": "Pumps"})
    path = f"/deals/{deal['id']}"
    if kind == "core.assigned":  # given to who follows it, and moved in the same request
        await admin.api.patch(path, {"owner_id": str(rep.id)})
        return str(deal["id"])
    await admin.api.patch(path, {"owner_id": str(rep.id)})
    await rep.api.send("PUT", f"/follows/core.deal:{deal['id']}", 200)
    if kind in ("core.mention", "core.comment"):
        name = f" @[x](user:{rep.id}) and @[x](user:{rep.id})" if kind == "core.mention" else ""
        await admin.api.post("/comments", {"parent": f"core.deal:{deal['id']}", "body": f"Look{name}"})
    elif kind == "core.stage":
        stages = [s["id"] for s in (await admin.api.get("/stages"))["items"] if s["id"] != deal["stage_id"]]
        await admin.api.patch(path, {"stage_id": stages[0], "description": "moved"})
    else:
        await admin.api.patch(path, {"amount": "120", "name": "Pumps and pipes"})
    return str(deal["id"])


@pytest.mark.parametrize("kind", KINDS)
async def test_follower_owner_and_mentioned_in_one_hears_once_and_as_they_chose(
    kernel: Kernel, as_user: People, jobs: Jobs, kind: str
) -> None:
    admin = await as_user("admin")
    for way, expected in WAYS.items():
        rep = await as_user("sales", way)
        channels = {**dict.fromkeys(KINDS, "off"), kind: way}
        body = {"channels": channels, "digest_hour": 8}
        await rep.api.send("PUT", "/settings/core.notifications", 200, json=body)
        await do(kind, admin, rep)
        await jobs()
        found = (await rep.api.get("/notifications"))["items"]
        at_once = await mails(kernel, rep)
        await digests(kernel, jobs)
        assert (len(found), at_once, await mails(kernel, rep) - at_once) == expected, (kind, way)
        assert {n["kind"] for n in found} <= {kind}
