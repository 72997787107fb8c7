"""Putting back what a cause changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crm_core.entity import access, query, records
from crm_core.entity import fields as f
from crm_core.entity.clean import clean
from crm_core.errors import Conflict, CrmError, NotFound
from crm_core.features.undo import merges
from crm_core.features.undo.queries import DERIVED, Step, count_of, since, steps_of, touched_since
from crm_core.features.undo.schemas import Both, Left, UndoCause, UndoOut
from crm_core.i18n import Strings, Text, show
from crm_core.plugin.declare import Entity, Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
AT_ONCE = 50  # records of one request; more are put back by a job, which does not hold the writer that long
EVENTS = 1000  # read for one request


class ChangedSince(Conflict):
    """Records have been changed since, so putting the old values back would lose that."""


async def look(uow: UnitOfWork, cause: UUID) -> tuple[list[Step], list[Left], int]:
    """Return what an undo would put back, what it would leave, and how many records the cause changed in all.

    NotFound when the cause changed nothing, or nothing that the actor may see.
    """
    steps, left, count, _moved = await _look(uow, cause)
    return steps, left, count


async def _look(uow: UnitOfWork, cause: UUID) -> tuple[list[Step], list[Left], int, merges.Merges]:
    count = await count_of(uow, cause)
    steps, _more = await steps_of(uow, cause, limit=EVENTS if count <= AT_ONCE else 2 * AT_ONCE)
    titles = await titles_of(uow, steps)
    seen = [s for s in steps if (s.entity.name, s.id) in titles]
    if not seen:
        raise NotFound(_("There is nothing to undo."))
    moved = await merges.of_cause(uow, cause)
    left = await merges.left_of(uow, moved)
    if count > AT_ONCE:
        left += await _left_of_many(uow, cause, moved)
    elif alone := moved.without(seen):
        left += await _left(uow, alone, titles)
    return seen, left, count, moved


async def _left_of_many(uow: UnitOfWork, cause: UUID, moved: merges.Merges) -> list[Left]:
    """Return what would be left of a large cause: only the records with later events are read, some at a time."""
    touched, found = await touched_since(uow, cause), list[Left]()
    for start in range(0, len(touched), AT_ONCE):
        part = touched[start : start + AT_ONCE]
        steps, _more = await steps_of(uow, cause, limit=EVENTS, only=part)
        titles = await titles_of(uow, steps)
        if alone := moved.without([s for s in steps if (s.entity.name, s.id) in titles]):
            found += await _left(uow, alone, titles)
    return found


async def undo(uow: UnitOfWork, cause: UUID, *, skip_changed: bool = False) -> UndoOut:
    """Put back what a cause changed, as far as the actor may change it.

    ChangedSince names what has been changed since, unless `skip_changed`; any other refusal raises as it is, and
    then nothing is undone. NotFound for an unknown cause. Many records are put back by a job.
    """
    steps, left, count, moved = await _look(uow, cause)
    if left and not skip_changed:
        raise changed_since(left)
    if count > AT_ONCE and not moved.whole:
        job = await uow.enqueue(UndoCause(cause=cause), key=f"core.undo:{cause}")
        return UndoOut(undone=0, cause=uow.cause, job=job)
    out = UndoOut(undone=0, left=left, cause=uow.cause)
    kept = {(x.entity, x.id) for x in left}
    out.undone += await merges.take_back(uow, moved)
    for step in moved.without(steps):
        if (step.entity.name, step.id) in kept:
            continue
        if skip_changed:
            await try_back(uow, step, out)
        else:
            await put_back(uow, step)
            out.undone += 1
            if step.kind == "deleted":
                await uow.settle()  # what the next ones go back to (a stage) has to be there again
    await uow.settle()
    return out


async def try_back(uow: UnitOfWork, step: Step, out: UndoOut) -> None:
    """Put one record back in a savepoint; a refusal is noted and the others go on."""
    try:
        async with uow.savepoint():
            await put_back(uow, step)
        out.undone += 1
    except CrmError as error:
        out.left.append(Left(step.entity.name, step.id, "", show(error.text, uow.locale)))


def changed_since(left: Sequence[Left]) -> ChangedSince:
    """Return the error that names the records in the way."""
    shown = "; ".join(f"{x.title}: {x.reason}" for x in left[:3])
    more = len(left) - 3
    if more > 0:
        return ChangedSince(_("{shown}; and {count} more.", shown=shown, count=more), left=list(left[:100]))
    return ChangedSince(_("{shown}", shown=shown), left=list(left))


async def titles_of(uow: UnitOfWork, steps: Sequence[Step]) -> dict[tuple[str, UUID], str]:
    """Return the titles of the records that the actor may see, in the list or in the trash."""
    refs = {Ref(s.entity.name, s.id) for s in steps}
    return {(r.entity, r.id): title or "–" for r, title in (await query.labels(uow, refs)).items()}


async def _left(uow: UnitOfWork, steps: Sequence[Step], titles: dict[tuple[str, UUID], str]) -> list[Left]:
    later = await since(uow, steps)
    found = []
    for step in steps:
        key = (step.entity.name, step.id)
        reason = why_not(uow, step, later.get(key))
        if reason is not None:
            both = both_values(uow, step, later.get(key))
            found.append(Left(step.entity.name, step.id, titles.get(key, ""), show(reason, uow.locale), both))
    return found


def both_values(uow: UnitOfWork, step: Step, later: Step | None) -> list[Both]:
    """Return, for what was changed since, the value an undo would put back and the one that is there."""
    if later is None or later.kind != "updated":
        return []
    mine = later.changed & step.changed if step.kind == "updated" else later.changed
    entity = step.entity
    return [
        Both(n, _label(uow, entity, n), step.before.get(n), later.after.get(n))
        for n in sorted(mine)
        if uow.actor.may_see(entity.name, n.partition(".")[0])
    ]


def why_not(uow: UnitOfWork, step: Step, later: Step | None) -> Text | None:
    """Return why a step cannot be put back, None if it can."""
    if step.kind in ("merged", "purged"):
        return _("A merge or a final deletion cannot be undone here.")
    if later is None or later.kind == "nothing":
        return None
    if later.kind in ("deleted", "purged", "merged"):
        return _("It was deleted since.") if step.kind != "created" else _("It is deleted already.")
    if step.kind == "deleted":
        return _("It was restored since.") if later.kind == "restored" else None
    mine = later.changed if step.kind != "updated" else later.changed & step.changed
    if not mine:
        return None
    names = sorted({_label(uow, step.entity, n) for n in mine})
    if all(later.after.get(n) == step.before.get(n) for n in step.changed) and step.kind == "updated":
        return _("It is undone already.")
    return _("Changed since: {names}.", names=", ".join(names))


def _label(uow: UnitOfWork, entity: Entity, name: str) -> str:
    start = name if name.startswith("custom.") else name.partition(".")[0]
    for one in uow.registry.fields(entity):
        if start == one.name or start in one.columns:
            return show(one.label, uow.locale)
    child = next((c for c in entity.children if c.name == start), None)
    return show(child.label, uow.locale) if child else start


async def put_back(uow: UnitOfWork, step: Step) -> None:
    """Undo one step with the actor's rights: what was made goes to the trash, what was deleted comes back."""
    entity = step.entity
    if step.kind in ("created", "restored"):
        await records.delete(uow, entity, await access.get(uow, entity, step.id, "delete"))
    elif step.kind == "deleted":
        record = await access.get(uow, entity, step.id, "delete", deleted=True)
        await records.restore(uow, entity, record)
    else:
        record = await access.get(uow, entity, step.id, "edit")
        _derived(entity, record, step)  # first too: it may be what forbids the change, as of a converted lead
        await records.update(uow, entity, record, await _values(uow, entity, record, step))
        _derived(entity, record, step)


def _counted(one: Any, name: str) -> bool:
    """Return whether a key of a field is worked out from its others: base amount and rate of money."""
    return isinstance(one, f.Money) and name not in (one.name, f"{one.name}_currency")


async def _values(uow: UnitOfWork, entity: Entity, record: Any, step: Step) -> dict[str, Any]:
    """Return API values that bring a record back; what code keeps by itself is left to it."""
    fields = {c: x for x in uow.registry.fields(entity) for c in (x.name, *x.columns)}
    found: dict[str, Any] = {}
    for name in step.changed:
        start, old = name.partition(".")[0], step.before.get(name)
        start = name if start == "custom" else start
        one = fields.get(start)
        if any(c.name == start for c in entity.children):
            found.setdefault(start, None)
        elif one is None or one.readonly or _counted(one, name):
            continue
        elif isinstance(one, f.AnyLink):
            kind, key = (step.before.get(c) for c in one.columns)
            found[one.name] = f"{kind}:{key}" if key else None
        else:
            found[name] = old
    for child in entity.children:
        if child.name in found:
            found[child.name] = await _lines(uow, entity, record, child.name, step)
    return found


async def _lines(uow: UnitOfWork, entity: Entity, record: Any, name: str, step: Step) -> list[dict[str, Any]]:
    """Return the lines of a child table as they were: present ones with their old values, removed ones made anew."""
    present = (await access.load_children(uow, entity, [record]))[name][record.id]
    child = next(c for c in entity.children if c.name == name)
    lines = {str(p.id): {"id": p.id, **{c: getattr(p, c) for x in child.fields for c in x.columns}} for p in present}
    for key in step.changed:
        start, _dot, line = key.partition(".")
        if start != name:
            continue
        old = step.before.get(key)
        if old is None:
            lines.pop(line, None)
        else:
            lines[line] = {**old, **({"id": line} if line in lines else {})}
    return list(lines.values())


def _derived(entity: Entity, record: Any, step: Step) -> None:
    """Put readonly columns back that the change set by rule, such as the day a deal was closed."""
    for one in entity.fields:
        if not one.readonly or one.name not in step.changed or one.name in DERIVED or one.kind == "money":
            continue
        value = clean(one, step.before.get(one.name))
        if len(one.columns) == 1 and getattr(record, one.name) != value:
            setattr(record, one.name, value)
