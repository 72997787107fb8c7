"""Rows that hang on any record (activities, comments): copies of that record's owner and team.

Whoever sees the record by scope sees the rows that are about it, without asking every entity in lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.actor import Actor, Scope
from crm_core.entity.changes import Happened
from crm_core.errors import Invalid
from crm_core.i18n import Strings
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


def through_parent(model: Any, actor: Actor, entity: str) -> sa.ColumnElement[bool]:
    """Return the condition on rows whose parent is the actor's own or their team's, as far as the role reaches."""
    terms = [model.parent_owner_id == actor.user_id] if actor.user_id else []
    if actor.scope(entity, "read") is Scope.team and actor.team_ids:
        terms.append(model.parent_team_id.in_(sorted(actor.team_ids)))
    return sa.or_(*terms) if terms else sa.false()


async def demand_parents(
    uow: UnitOfWork, refs: Iterable[Ref], field: str
) -> dict[Ref, tuple[UUID | None, UUID | None]]:
    """Return owner and team of records; Invalid when the actor sees no such record."""
    from crm_core.entity import access

    found: dict[Ref, tuple[UUID | None, UUID | None]] = {}
    for ref in refs:
        entity = uow.registry.entities.get(ref.entity)
        row = None
        if entity is not None:
            table = entity.model.__table__
            seen = access.rows(uow.registry, uow.actor, entity, "read")
            query = sa.select(table.c.owner_id, table.c.team_id).where(
                table.c.id == ref.id, table.c.deleted_at.is_(None)
            )
            row = (await uow.session.execute(query.where(seen))).one_or_none()
        if row is None:
            text = _("There is no such record.")
            raise Invalid(text, fields={field: text})
        found[ref] = (row[0], row[1])
    return found


async def copy_owner(uow: UnitOfWork, event: Happened, model: Any) -> None:
    """Listener: give the rows about a record its new owner and team. Derived, so without version and event."""
    if event.record is None:
        await _copy_to_many(uow, event, model)
        return
    table = model.__table__
    told = {"parent_owner_id": event.record.owner_id, "parent_team_id": event.record.team_id}
    about = (table.c.parent_entity == event.entity, table.c.parent_id == event.record_id)
    await uow.session.execute(sa.update(table).where(*about).values(told))


async def _copy_to_many(uow: UnitOfWork, event: Happened, model: Any) -> None:
    """Do the same for a bulk update: one statement for all its records, at the event of the first of them."""

    def told(after: Mapping[str, Any]) -> dict[str, Any]:
        return {f"parent_{n}": after[n] for n in ("owner_id", "team_id") if n in after}

    values = told(event.after)
    done: set[Any] = uow.session.sync_session.info.setdefault(("owners copied", model), set())
    if (event.record_id, *values.items()) in done:
        return
    alike = [
        c.id for c in uow.demand_write().net.values()
        if c.entity.name == event.entity and c.record is None and told(c.after) == values
    ]  # fmt: skip
    done.update((key, *values.items()) for key in alike)
    table = model.__table__
    about = (table.c.parent_entity == event.entity, table.c.parent_id.in_(alike))
    await uow.session.execute(sa.update(table).where(*about).values(values))


def changes_owner(event: Happened) -> bool:
    """Return whether a record's owner or team changed; for `Listener(wants=…)`."""
    return event.kind == "updated" and not event.changed.isdisjoint(("owner_id", "team_id"))
