"""Security events, newest first, with names in place of ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import Role, User
from crm_core.entity.event_rows import EventData, EventRef, EventRow
from crm_core.errors import NotFound
from crm_core.features.security_log.schemas import SecurityEvent
from crm_core.i18n import Strings, Text
from crm_core.plugin import hookspecs
from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
PAGE = 50
FAMILIES = ("session", "second_factor", "token", "password_reset", "invitation", "sso", "connection")
"""Nouns of core whose events are all about security."""
SINGLE = tuple(f"core.user.{w}" for w in ("password_changed", "roles_changed", "viewing_started", "viewing_ended"))
RECORDS: dict[str, tuple[Text, str]] = {
    f"core.{noun}.{what}": (label, icon)
    for noun, labels in {
        "user": (_("User added"), _("User changed"), _("User deleted"), _("User restored")),
        "role": (_("Role added"), _("Role changed"), _("Role deleted"), _("Role restored")),
    }.items()
    for what, label, icon in zip(
        ("created", "updated", "deleted", "restored"), labels, ("plus", "pencil", "trash", "restore"), strict=True
    )
}
ABOUT = ("core.user", "core.role", "core.invitation")


def _is_security() -> sa.ColumnElement[bool]:
    families = [EventRow.type.startswith(f"core.{noun}.", autoescape=True) for noun in FAMILIES]
    return sa.or_(EventRow.type.in_([*SINGLE, *RECORDS]), *families)


async def security_events(
    uow: UnitOfWork, *, about: UUID | None = None, before: str = "", limit: int = PAGE
) -> tuple[list[SecurityEvent], str]:
    """Return events of everybody, or those about one user, and the id to go on from ("" at the end)."""
    query = sa.select(EventRow, EventData.payload).join(EventData, EventData.event_id == EventRow.id, isouter=True)
    if about is not None:
        query = query.join(EventRef, EventRef.event_id == EventRow.id)
        query = query.where(EventRef.entity == "core.user", EventRef.record_id == about)
    else:
        # Only these are about people's access: the index by record spares reading the events of all other records.
        query = query.where(sa.or_(EventRow.entity.in_(ABOUT), EventRow.entity.is_(None)))
    if before:
        try:
            query = query.where(EventRow.id < UUID(before))
        except ValueError as error:
            raise NotFound(_("There is no such event.")) from error
    found = (await uow.session.execute(query.where(_is_security()).order_by(EventRow.id.desc()).limit(limit + 1))).all()
    rows = [(r[0], r[1] or {}) for r in found[:limit]]
    names = await _names(uow, rows)
    kinds = {e.name: (e.label, e.icon) for e in uow.registry.gather(hookspecs.crm_events)} | RECORDS
    shown = [_shown(event, payload, names, kinds) for event, payload in rows]
    return shown, str(rows[-1][0].id) if len(found) > limit else ""


def _shown(
    event: EventRow, payload: Mapping[str, Any], names: Mapping[UUID, str], kinds: Mapping[str, tuple[Text, str]]
) -> SecurityEvent:
    label, icon = kinds.get(event.type, (event.type, "point"))
    user_id = _uuid(payload.get("user_id")) or (event.record_id if event.entity == "core.user" else None)
    actor = _user_of(event.actor)
    return SecurityEvent(
        id=event.id, type=event.type, label=label, icon=icon, at=event.at,
        who=names.get(actor, event.actor) if actor else event.actor,
        user_id=user_id, user=names.get(user_id, "") if user_id else "", address=str(payload.get("address") or ""),
        details=_details(event, payload, names),
    )  # fmt: skip


def _details(event: EventRow, payload: Mapping[str, Any], names: Mapping[UUID, str]) -> dict[str, str]:
    """Return what else is worth a line, in plain words: never whole payloads."""
    found = {k: str(payload[k]) for k in ("kind", "what", "second_factor", "email", "left") if payload.get(k)}
    for key in ("added", "removed", "role_ids", "scopes"):
        if values := payload.get(key):
            found[key] = ", ".join(names.get(_uuid(v) or UUID(int=0), str(v)) for v in values)
    if event.type in RECORDS:
        changed = sorted({*(payload.get("before") or {}), *(payload.get("after") or {})})
        if event.type.endswith(".updated") and changed:
            found["fields"] = ", ".join(changed)
        if event.entity == "core.role" and event.record_id is not None and event.record_id in names:
            found["role"] = names[event.record_id]
    return found


async def _names(uow: UnitOfWork, rows: Iterable[tuple[EventRow, Mapping[str, Any]]]) -> dict[UUID, str]:
    ids: set[UUID] = set()
    for event, payload in rows:
        single = (event.record_id, _user_of(event.actor), _uuid(payload.get("user_id")))
        several = [_uuid(v) for k in ("added", "removed", "role_ids") for v in payload.get(k) or ()]
        ids |= {i for i in (*single, *several) if i is not None}
    if not ids:
        return {}
    users = sa.select(User.id, User.name).where(User.id.in_(ids))
    roles = sa.select(Role.id, Role.name).where(Role.id.in_(ids))
    return {key: name for query in (users, roles) for key, name in (await uow.session.execute(query)).all()}


def _user_of(actor: str) -> UUID | None:
    kind, _colon, key = actor.partition(":")
    return _uuid(key) if kind in ("user", "token") else None


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text)) if text else None
    except ValueError:
        return None
