"""Erasing a person: the receipt first, then in short transactions what it names, each step safe to repeat."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from crm_core import secrets
from crm_core.auth.actor import system
from crm_core.features.files.models import File
from crm_core.features.privacy.models import SEALED, Erasure
from crm_core.features.privacy.rows import erase_rows
from crm_core.features.privacy.schemas import Erase, EraseLeft, ErasePerson, ErasureStarted, PersonErased
from crm_core.features.privacy.scrub import Sweep, sweep_table
from crm_core.features.privacy.stores import erase_bytes, remember, remembered, wipe_free_space
from crm_core.features.privacy.walk import belongings, own_words, tables
from crm_core.plugin import Action, Ref, Strings, Text
from crm_core.plugin.errors import Conflict

if TYPE_CHECKING:
    from crm_core.kernel import Kernel
    from crm_core.plugin.jobs import JobContext
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
RIGHT = "core.privacy.manage"
AT_ONCE = 500


class AlreadyErasing(Conflict):
    """The person is being erased already."""


async def plan_erase(uow: UnitOfWork, record: Any, params: Erase | None) -> Sequence[Text]:
    """Say how much would be erased."""
    rows = await belongings(uow, _ref(uow, record))
    names = [f"{len(ids)} x {uow.registry.entities[name].label}" for name, ids in rows.items() if ids]
    return [
        _("Erased for good: {what}, their words in the log, mails, jobs and files.", what=", ".join(names)),
        _("This cannot be undone. Backups made before keep the data until they are deleted."),
    ]


async def erase(uow: UnitOfWork, record: Any, params: Erase) -> ErasureStarted:
    """Write the receipt and begin; AlreadyErasing while one is under way."""
    return ErasureStarted(await begin(uow, _ref(uow, record), params.reason))


async def begin(uow: UnitOfWork, ref: Ref, reason: str) -> UUID:
    """Write down, sealed, what is to be erased, and enqueue it; return the receipt's id."""
    open_ones = sa.select(Erasure.id).where(
        Erasure.entity == ref.entity, Erasure.record_id == ref.id, Erasure.ended_at.is_(None)
    )
    if await uow.session.scalar(open_ones) is not None:
        raise AlreadyErasing(_("This person is being erased already."))
    rows = await belongings(uow, ref)
    blobs = await uow.session.scalars(sa.select(File.sha256).where(File.id.in_(rows.get("core.file", []))))
    left = EraseLeft(rows=rows, values=await own_words(uow, rows), blobs=list(blobs))
    row = Erasure(entity=ref.entity, record_id=ref.id, reason=reason[:500], by_id=uow.actor.user_id)
    row.sealed = secrets.seal(uow.kernel, SEALED, msgspec.json.encode(left).decode())
    uow.session.add(row)
    await uow.session.flush()  # the job and the answer need the id
    await uow.enqueue(ErasePerson(row.id), key=f"core.erase:{row.id}")
    return row.id


def _ref(uow: UnitOfWork, record: Any) -> Ref:
    return Ref(uow.registry.by_model[type(record)].name, record.id)


async def erase_person(job: JobContext, call: ErasePerson) -> None:
    """Erase what a receipt names. Killed in the middle, it begins anew: every step finds nothing the second time."""
    async with job.reading() as uow:
        row = await uow.session.get(Erasure, call.erasure_id)
    if row is None or row.sealed is None:
        return
    left = msgspec.json.decode(secrets.unseal(job.kernel, SEALED, row.sealed), type=EraseLeft)
    counts: dict[str, int] = {}
    for name, ids in left.rows.items():
        for start in range(0, len(ids), AT_ONCE):
            async with job.transaction() as uow:
                await erase_rows(uow, name, ids[start : start + AT_ONCE], counts)
    sweep = Sweep(left.values)
    every = await tables(job.kernel)
    for number, table in enumerate(every):
        async with job.transaction() as uow:
            if done := await sweep_table(uow, table, sweep):
                counts[table.name] = counts.get(table.name, 0) + done
        await job.progress(number, len(every))
    kept = await erase_bytes(job.kernel, left, counts)
    async with job.transaction() as uow:
        receipt = await uow.session.get_one(Erasure, call.erasure_id)
        receipt.sealed, receipt.counts, receipt.kept, receipt.ended_at = None, counts, kept, uow.now
        await uow.emit(PersonErased(receipt.id, counts), about=[Ref(receipt.entity, receipt.record_id)])
    await asyncio.to_thread(remember, job.kernel, receipt)
    await asyncio.to_thread(wipe_free_space, job.kernel)


async def reapply(kernel: Kernel) -> int:
    """Enqueue again the erasures noted beside the database whose persons are here anew; return their number."""
    begun = 0
    for ref, reason in remembered(kernel.config.folder):
        async with kernel.write(system("privacy")) as uow:
            done = sa.select(Erasure.id).where(Erasure.entity == ref.entity, Erasure.record_id == ref.id)
            entity = uow.registry.entities.get(ref.entity)
            if entity is None or await uow.session.scalar(done) is not None:
                continue
            if await uow.session.get(entity.model, ref.id) is not None:
                await begin(uow, ref, reason)
                begun += 1
    return begun


ACTIONS = tuple(
    Action(
        entity=entity, name="erase", label=_("Erase this person"), icon="eraser", run=erase, plan=plan_erase,
        permission=RIGHT, params=Erase, danger=True,
        confirm=_("Erase everything about this person for good?"),
    )
    for entity in ("core.contact", "core.lead")
)  # fmt: skip
