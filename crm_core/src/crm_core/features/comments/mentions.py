"""Naming people in a text: `@[Anna Schmidt](user:<id>)` as it is stored, `@Anna Schmidt` as it is typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import User
from crm_core.auth.rights import EPOCH, UserUnknown, load_actor
from crm_core.entity import access
from crm_core.entity.folding import fold
from crm_core.errors import Invalid
from crm_core.plugin import Ref, Strings
from crm_core.web.display import MENTION

if TYPE_CHECKING:
    from crm_core.auth.actor import Actor
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
LOOKED_AT = 25
OFFERED = 8
MOST = 50
"""People in one comment."""


class NotToBeMentioned(Invalid):
    """A text names somebody who may not read the record, or nobody at all."""


def people_in(text: str | None) -> list[UUID]:
    """Return the users named in a stored text, each once."""
    return list(dict.fromkeys(UUID(m["id"]) for m in MENTION.finditer(text or "")))


def as_typed(text: str) -> str:
    """Return a stored text as a person types it."""
    return MENTION.sub(lambda m: f"@{m['name']}", text)


def markup(name: str, user_id: UUID) -> str:
    """Return how a person is named in a stored text."""
    clean = " ".join(re.sub(r"[\[\]()]", " ", name).split()) or "?"
    return f"@[{clean}](user:{user_id})"


async def checked(uow: UnitOfWork, text: str, about: Ref, known: Iterable[UUID]) -> str:
    """Return a text with the people in it under the names they have now.

    NotToBeMentioned for people, other than `known` ones, who may not read the record; nothing else is said of them.
    """
    named = people_in(text)
    if not named:
        return text
    if len(named) > MOST:
        raise _refused(_("Name at most {most} people.", most=MOST))
    rows = await uow.session.execute(sa.select(User.id, User.name).where(User.id.in_(named)))
    names: dict[UUID, str] = {row[0]: row[1] for row in rows}
    old = set(known)
    barred = [u for u in named if u not in old and not await may_read(uow, u, about)]
    if unknown := [u for u in named if u not in names]:
        raise _refused(_("There is no user {id}.", id=str(unknown[0])))
    if barred:
        who = ", ".join(names[u] for u in barred)
        raise _refused(_("{who} may not read this record and cannot be mentioned here.", who=who))
    return MENTION.sub(lambda m: markup(names[UUID(m["id"])], UUID(m["id"])), text)


def _refused(text: object) -> NotToBeMentioned:
    return NotToBeMentioned(text, fields={"body": text})  # type: ignore[arg-type,dict-item]  # a Text


async def may_read(uow: UnitOfWork, user_id: UUID, about: Ref) -> bool:
    """Return whether a user may read a record now."""
    reader = await _actor(uow, user_id)
    entity = uow.registry.entities.get(about.entity)
    if reader is None or entity is None:
        return False
    table = access.table_of(entity)
    visible = access.rows(uow.registry, reader, entity, "read")
    found = await uow.session.scalar(sa.select(sa.literal(1)).where(table.c.id == about.id, visible))
    return found is not None


async def _actor(uow: UnitOfWork, user_id: UUID) -> Actor | None:
    try:
        return await load_actor(uow.kernel, user_id, epoch=uow.kernel.epochs.get(EPOCH), session=uow.session)
    except UserUnknown:
        return None


async def candidates(uow: UnitOfWork, about: Ref, typed: str) -> Sequence[tuple[UUID, str]]:
    """Return some users who may read a record and whose name or address begins with what was typed."""
    start = fold(typed)
    named = sa.or_(
        User.name_f.startswith(start, autoescape=True), User.name_f.contains(f" {start}", autoescape=True),
        User.email_f.startswith(start, autoescape=True),
    )  # fmt: skip
    wanted = sa.select(User.id, User.name).where(User.is_active, User.deleted_at.is_(None), named)
    found: list[tuple[UUID, str]] = []
    for user_id, name in (await uow.session.execute(wanted.order_by(User.name_f, User.id).limit(LOOKED_AT))).all():
        if len(found) < OFFERED and user_id != uow.actor.user_id and await may_read(uow, user_id, about):
            found.append((user_id, name))
    return found


async def from_typed(uow: UnitOfWork, text: str) -> str:
    """Return a typed text with `@Name` and `@address` of users as they are stored; other words stay as they are.

    NotToBeMentioned when two people have the name: their address says which one.
    """
    if "@" not in text:
        return text
    starts = [m.start() for m in re.finditer(r"(?<![\w@])@(?=\w)", text)][:MOST]
    heads = {fold(re.split(r"[\s,.;:!?]", text[s + 1 : s + 60], maxsplit=1)[0]) for s in starts}
    if not heads:
        return text
    like = [User.name_f.startswith(h, autoescape=True) for h in heads if h]
    like += [User.email_f.startswith(h, autoescape=True) for h in heads if h]
    wanted = sa.select(User.id, User.name, User.email).where(User.is_active, User.deleted_at.is_(None), sa.or_(*like))
    people = [(i, n, e) for i, n, e in await uow.session.execute(wanted.limit(500))]
    made, last = "", 0
    for start in starts:
        if start < last:
            continue
        made += text[last:start]
        found, length = _longest(text[start + 1 :], people)
        if found is None:
            made, last = made + "@", start + 1
        else:
            made, last = made + markup(found[1], found[0]), start + 1 + length
    return made + text[last:]


def _longest(rest: str, people: Sequence[tuple[UUID, str, str]]) -> tuple[tuple[UUID, str, str] | None, int]:
    """Return who the text begins with, and how many characters the name takes."""
    best: list[tuple[UUID, str, str]] = []
    length = 0
    for person in people:
        for word in (person[1], person[2]):
            same = rest[: len(word)].casefold() == word.casefold() and not rest[len(word) : len(word) + 1].isalnum()
            if same and len(word) > length:
                best, length = [person], len(word)
            elif same and len(word) == length and person not in best:
                best.append(person)
    if len(best) > 1:
        raise _refused(_("Several people are called {name}. Name one by e-mail address.", name=best[0][1]))
    return (best[0], length) if best else (None, 0)
