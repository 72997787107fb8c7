"""`Idempotency-Key`: the same request sent twice is done once and answered twice alike."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from litestar import Request, Response
from sqlalchemy.dialects import postgresql, sqlite

from crm_core.db.tables import Idempotency
from crm_core.entity.statements import parameter, prepared
from crm_core.errors import Conflict, Invalid
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.answers import Json

_ = Strings("crm_core")
LARGEST = 64 * 1024  # bytes of an answer that is kept whole
KEPT = timedelta(hours=48)


class Kept(NamedTuple):
    """What is kept of a request that was done."""

    route: str
    body_hash: str
    status: int
    answer: bytes | None
    at: datetime
    cause: UUID | None


class KeyReused(Invalid):
    """The key was used for another request."""


class AnswerNotKept(Conflict):
    """The request was done before; its answer was too large to keep."""


async def idempotent(
    request: Request[Any, Any, Any],
    uow: UnitOfWork,
    run: Callable[[], Awaitable[Response[bytes]]],
    *,
    body_hash: str = "",
) -> Response[bytes]:
    """Run once per actor and key. The row goes first in the transaction, so that a twin waits for the outcome.

    body_hash: tells requests apart whose body is not kept in memory, an upload's; in hex, 64 characters.
    """
    key = request.headers.get("idempotency-key")
    if not key:
        return await run()
    if len(key) > 128:
        raise Invalid(_("An Idempotency-Key has at most 128 characters."))
    row = {
        "actor": uow.actor.label, "key": key, "route": f"{request.method} {request.scope['path']}"[:255],
        "body_hash": body_hash or hashlib.sha256(await request.body()).hexdigest(),
        "at": uow.now, "status": None, "answer": None, "cause": None,
    }  # fmt: skip
    # Most of those who come again come after the first was answered: no writer is taken for them.
    before = await prepared(uow, "idempotency", _stored).fetch(uow, {"actor": row["actor"], "key": key})
    if before and (kept := Kept(*before[0])).at >= uow.now - KEPT:
        return _again(request, kept, row)
    insert = (postgresql.insert if uow.db.dialect == "postgresql" else sqlite.insert)(Idempotency)
    made = await uow.session.execute(insert.values(row).on_conflict_do_nothing())
    where = (Idempotency.actor == row["actor"], Idempotency.key == key)
    if made.rowcount == 0:  # type: ignore[attr-defined]  # a cursor result
        kept = Kept(*(await uow.session.execute(_stored().params(actor=row["actor"], key=key))).one())
        if kept.at >= uow.now - KEPT:
            return _again(request, kept, row)
        await uow.session.execute(sa.update(Idempotency).where(*where).values(**row))
    answer = await run()
    body = answer.content if len(answer.content) <= LARGEST else None
    await uow.settle()  # not every answer needed it; what has no effect yet has no cause to tell
    cause = uow.cause if uow.has_effects else None
    done = {"status": answer.status_code or 200, "answer": body, "cause": cause}
    await uow.session.execute(sa.update(Idempotency).where(*where).values(**done))
    return answer


def _stored() -> sa.Select[Any]:
    """Return the query for what is kept under a key."""
    columns = [getattr(Idempotency, name) for name in Kept._fields]
    actor, key = parameter("actor", sa.String()), parameter("key", sa.String())
    return sa.select(*columns).where(Idempotency.actor == actor, Idempotency.key == key)


def _again(request: Request[Any, Any, Any], kept: Kept, row: dict[str, Any]) -> Response[bytes]:
    if (kept.body_hash, kept.route) != (row["body_hash"], row["route"]):
        raise KeyReused(_("This Idempotency-Key was used for another request."))
    if kept.answer is None:
        raise AnswerNotKept(_("This request was done before; its answer was too large to keep."))
    if kept.cause is not None:
        request.scope["cause"] = kept.cause  # type: ignore[typeddict-unknown-key]  # ours, see `app.provide_uow`
    return Json(
        kept.answer, status_code=kept.status, media_type="application/json", headers={"Idempotent-Replay": "true"}
    )
