"""Erasing a person: the receipt first, then in short transactions what it names, each step safe to repeat."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core import secrets
from crm_core.auth.actor import system
from crm_core.db.model import metadata
from crm_core.features.files.models import File
from crm_core.features.privacy.beside import Beside
from crm_core.features.privacy.models import SEALED, Erasure
from crm_core.features.privacy.places import KEPT, RECEIPT
from crm_core.features.privacy.rows import TAG, erase_records, lonely_tags
from crm_core.features.privacy.schemas import Erase, EraseLeft, ErasePerson, ErasureStarted, PersonErased
from crm_core.features.privacy.scrub import Sweep, sweep_table
from crm_core.features.privacy.stores import erase_bytes, remember, wipe_free_space
from crm_core.features.privacy.walk import AT_ONCE, Rows, belongings, people, tables
from crm_core.features.privacy.words import own_words, shared
from crm_core.plugin import Action, Ref, Strings, Text
from crm_core.plugin.errors import Conflict

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.plugin.jobs import JobContext
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
RIGHT = "core.privacy.manage"
SHOWN = 100
SHELL = "the record stays without its words, so that deals, reports and the log that name it hold"
SHARED = "other records have the same name, address or number: it was left there"


class AlreadyErasing(Conflict):
    """The person is being erased already."""


async def plan_erase(uow: UnitOfWork, record: Any, params: Erase | None) -> Sequence[Text]:
    """Say how much would be erased, what would be kept, and why."""
    rows = await belongings(uow, [_ref(uow, record)])
    names = [f"{len(ids)} x {uow.registry.entities[name].label}" for name, ids in rows.items() if ids]
    others = await shared(uow, rows, words := await own_words(uow, rows))
    refs = {Ref.parse(r) for one in others.values() for r in one}
    barred = await _barred(uow, words)
    told = [
        _("Erased for good: {what}, their words in the log, mails, jobs and files.", what=", ".join(names)),
        _("Kept: the records without their words, so that deals, reports and the log hold; ids, days, sums."),
    ]
    if refs:
        what = _("Kept: a name, address or number that {count} other records have too. Erase them as well if they are "
                 "the same person.", count=len(refs))  # fmt: skip
        told.append(what)
    if barred:
        told.append(_("Kept: {count} suppressed addresses, which must not be written to again.", count=barred))
    return [
        *told,
        _("Kept: files of other records that hold the person's words; the receipt lists them for somebody to look at."),
        _("This cannot be undone. Backups made before keep the data until they are deleted."),
    ]


async def _barred(uow: UnitOfWork, words: Sequence[str]) -> int:
    table = metadata.tables["core_suppression"]
    wanted = sa.select(sa.func.count()).where(sa.func.lower(table.c.address).in_([w.lower() for w in words]))
    return await uow.session.scalar(wanted) or 0


async def erase(uow: UnitOfWork, record: Any, params: Erase) -> ErasureStarted:
    """Write the receipt and begin; AlreadyErasing while one is under way."""
    return ErasureStarted(await begin(uow, [_ref(uow, record)], params.reason))


async def begin(uow: UnitOfWork, refs: Sequence[Ref], reason: str) -> UUID:
    """Write down, sealed, what is to be erased, and enqueue it; return the receipt's id.

    refs: records of one person; the first is the receipt's.
    """
    first = refs[0]
    open_ones = sa.select(Erasure.id).where(
        Erasure.entity == first.entity, Erasure.record_id == first.id, Erasure.ended_at.is_(None)
    )
    if await uow.session.scalar(open_ones) is not None:
        raise AlreadyErasing(_("This person is being erased already."))
    left = await _left(uow, refs)
    told = Sweep(left.values).replaced(reason)[:500]  # a reason that names the person does not keep the name
    row = Erasure(entity=first.entity, record_id=first.id, reason=told, by_id=uow.actor.user_id)
    row.sealed = secrets.seal(uow.kernel, SEALED, msgspec.json.encode(left).decode())
    uow.session.add(row)
    await uow.session.flush()  # the job and the answer need the id
    await uow.enqueue(ErasePerson(row.id), key=f"core.erase:{row.id}")
    return row.id


async def _left(uow: UnitOfWork, refs: Sequence[Ref]) -> EraseLeft:
    rows = await belongings(uow, refs)
    words = await own_words(uow, rows)
    others = await shared(uow, rows, words)
    blobs = await _blobs(uow, rows)
    if tags := await lonely_tags(uow, rows):
        rows[TAG] = tags
    told = sorted({r for one in others.values() for r in one})
    return EraseLeft(rows=rows, values=[w for w in words if w not in others], blobs=blobs, others=told[:SHOWN])


async def _blobs(uow: UnitOfWork, rows: Rows) -> list[str]:
    ids, found = rows.get("core.file", []), list[str]()
    for start in range(0, len(ids), AT_ONCE):
        wanted = sa.select(File.sha256).where(File.id.in_(ids[start : start + AT_ONCE]))
        found += await uow.session.scalars(wanted)
    return found


def _ref(uow: UnitOfWork, record: Any) -> Ref:
    return Ref(uow.registry.by_model[type(record)].name, record.id)


async def erase_person(job: JobContext, call: ErasePerson) -> None:
    """Erase what a receipt names. Killed in the middle, it begins anew: every step finds nothing the second time."""
    await erase_now(job.kernel, call.erasure_id, job.progress)


async def erase_now(
    kernel: Kernel, erasure_id: UUID, progress: Callable[[int, int | None], Awaitable[None]] | None = None
) -> None:
    """Do what a receipt names and close it; nothing for one that is closed."""
    async with kernel.read(system("privacy")) as uow:
        row = await uow.session.get(Erasure, erasure_id)
    if row is None or row.sealed is None:
        return
    left = msgspec.json.decode(secrets.unseal(kernel, SEALED, row.sealed), type=EraseLeft)
    counts: dict[str, int] = {}
    every = await tables(kernel)
    for name, ids in left.rows.items():
        await erase_records(kernel, name, ids, counts)
    beside = Beside(kernel, left.rows, left.values, counts)
    await beside.erase(every)
    left.blobs += beside.blobs
    kept = await _sweep(kernel, every, Sweep(left.values), counts, progress)
    kept |= await erase_bytes(kernel, left, counts)
    known = {e.name for e in people(kernel.registry)}
    persons = [str(Ref(row.entity, row.record_id))]
    persons += [r for name in known for i in left.rows.get(name, ()) if (r := str(Ref(name, i))) not in persons]
    kept["records"] = {"ids": persons, "reason": SHELL}
    if left.others:
        kept["shared"] = {"ids": left.others, "reason": SHARED}
    await asyncio.to_thread(remember, kernel.config.folder, persons, row.reason)
    await asyncio.to_thread(wipe_free_space, kernel)
    async with kernel.write(system("privacy")) as uow:
        receipt = await uow.session.get_one(Erasure, erasure_id)
        receipt.sealed, receipt.counts, receipt.kept, receipt.ended_at = None, counts, kept, uow.now
        await uow.emit(PersonErased(receipt.id, counts), about=[Ref(receipt.entity, receipt.record_id)])


async def _sweep(
    kernel: Kernel, every: Sequence[sa.Table], sweep: Sweep, counts: dict[str, int],
    progress: Callable[[int, int | None], Awaitable[None]] | None,
) -> dict[str, Any]:  # fmt: skip
    """Replace the words in every table; return what is left where they stay, and why."""
    kept: dict[str, Any] = {}
    for number, table in enumerate(every, 1):
        reason = KEPT.get(table.name)
        done = await sweep_table(kernel, table, sweep, count_only=reason is not None)
        if done and reason is None:
            counts[table.name] = counts.get(table.name, 0) + done
        elif done and reason not in (None, RECEIPT):
            kept[table.name] = {"rows": done, "reason": reason}
        if progress is not None:
            await progress(number, len(every) + 1)
    return kept


ACTIONS = tuple(
    Action(
        entity=entity, name="erase", label=_("Erase this person"), icon="eraser", run=erase, plan=plan_erase,
        permission=RIGHT, params=Erase, danger=True,
        confirm=_("Erase everything about this person for good?"),
    )
    for entity in ("core.contact", "core.lead")
)  # fmt: skip
