"""Creating, changing, trashing and restoring records, and the events and jobs that go with it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import Actor, ActorKind, Rights, Scope, system
from crm_core.db.types import new_id
from crm_core.entity import access, history, records
from crm_core.entity.bulk import bulk_update
from crm_core.entity.event_rows import EventData, EventRef, EventRow
from crm_core.errors import Forbidden, Invalid, NotFound
from crm_core.features.companies.models import Company
from crm_core.features.contacts.models import Contact, ContactEmail
from crm_core.kernel import Kernel
from crm_core.uow import ReadOnly, RecordChanged, ValueTaken

SYSTEM = system("test")


async def make(kernel: Kernel, entity: str, actor: Actor = SYSTEM, **values: Any) -> Any:
    async with kernel.write(actor) as uow:
        return await records.create(uow, kernel.registry.entity(entity), values)


async def told(kernel: Kernel, record: Any) -> list[tuple[str, dict[str, Any]]]:
    async with kernel.read(SYSTEM) as uow:
        query = (
            sa.select(EventRow.type, EventData.payload)
            .join(EventData, EventData.event_id == EventRow.id)
            .where(EventRow.record_id == record.id)
            .order_by(EventRow.id)
        )
        return [(kind, payload) for kind, payload in await uow.session.execute(query)]


async def test_created_contact_has_its_parts_one_event_and_a_search_row(kernel: Kernel) -> None:
    contact = await make(
        kernel, "core.contact", first_name="Ada", last_name="Lovelace", emails=[{"address": "ada@example.com"}]
    )
    events = await told(kernel, contact)
    assert [kind for kind, _ in events] == ["core.contact.created"]
    after = events[0][1]["after"]
    assert after["name"] == "Ada Lovelace"
    assert [v["address"] for k, v in after.items() if k.startswith("emails.")] == ["ada@example.com"]
    async with kernel.read(SYSTEM) as uow:
        email = (await uow.session.scalars(sa.select(ContactEmail))).one()
        assert (email.contact_id, email.address_f) == (contact.id, "ada@example.com")
        found = (await uow.session.scalars(sa.select(Contact))).one()
        assert (found.name_f, found.version) == ("ada lovelace", 1)


async def test_unknown_readonly_and_foreign_keys_are_refused_and_nothing_is_written(kernel: Kernel) -> None:
    for key in ("nonsense", "version", "team_id", "deleted_at", "last_activity_at", "id"):
        with pytest.raises(Invalid) as refused:
            await make(kernel, "core.contact", last_name="X", **{key: None})
        assert key in refused.value.fields
    async with kernel.read(SYSTEM) as uow:
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(EventRow).where(
            EventRow.type == "core.contact.created")) == 0  # fmt: skip


@pytest.mark.parametrize("value", ["a\x00b", "\ud800", "x" * 5000, 5, ["a"], {"a": 1}])
async def test_bad_text_is_refused_with_the_field_named(kernel: Kernel, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        await make(kernel, "core.contact", last_name=value)
    assert "last_name" in refused.value.fields


async def test_edit_raises_version_and_tells_before_and_after(kernel: Kernel) -> None:
    company = await make(kernel, "core.company", name="Acme")
    entity = kernel.registry.entity("core.company")
    async with kernel.write(SYSTEM) as uow:
        record = await access.get(uow, entity, company.id, "edit")
        await records.update(uow, entity, record, {"name": "Acme Ltd"})
    events = await told(kernel, company)
    assert events[-1] == ("core.company.updated", {"before": {"name": "Acme"}, "after": {"name": "Acme Ltd"}})
    async with kernel.read(SYSTEM) as uow:
        again = await access.get(uow, entity, company.id)
        assert (again.version, again.name_f) == (2, "acme ltd")


async def test_change_there_and_back_in_one_transaction_is_no_event(kernel: Kernel) -> None:
    company = await make(kernel, "core.company", name="Acme")
    entity = kernel.registry.entity("core.company")
    async with kernel.write(SYSTEM) as uow:
        record = await access.get(uow, entity, company.id, "edit")
        await records.update(uow, entity, record, {"name": "Other"})
        await uow.settle()
        await records.update(uow, entity, record, {"name": "Acme"})
    assert [k for k, _ in await told(kernel, company)] == ["core.company.created"]


async def test_child_change_is_its_owners_change(kernel: Kernel) -> None:
    contact = await make(kernel, "core.contact", last_name="L", emails=[{"address": "old@example.com"}])
    entity = kernel.registry.entity("core.contact")
    async with kernel.write(SYSTEM) as uow:
        record = await access.get(uow, entity, contact.id, "edit")
        await records.update(uow, entity, record, {"emails": [{"address": "new@example.com"}], "tags": ["vip"]})
    kind, payload = (await told(kernel, contact))[-1]
    assert kind == "core.contact.updated"
    assert payload["before"]["tags"] == []
    assert payload["after"]["tags"] == ["vip"]
    gone = [v["address"] for k, v in payload["before"].items() if k.startswith("emails.") and v]
    new = [v["address"] for k, v in payload["after"].items() if k.startswith("emails.") and v]
    assert (gone, new) == (["old@example.com"], ["new@example.com"])
    async with kernel.read(SYSTEM) as uow:
        assert (await access.get(uow, entity, contact.id)).version == 2


async def test_same_field_changed_by_two_conflicts_and_different_fields_merge(kernel: Kernel) -> None:
    company = await make(kernel, "core.company", name="Acme")
    entity = kernel.registry.entity("core.company")
    async with kernel.write(SYSTEM) as uow:
        record = await access.get(uow, entity, company.id, "edit")
        await records.update(uow, entity, record, {"name": "Theirs"}, version=1)
    with pytest.raises(RecordChanged) as clash:
        async with kernel.write(SYSTEM) as uow:
            record = await access.get(uow, entity, company.id, "edit")
            await records.update(uow, entity, record, {"name": "Mine"}, version=1)
    assert clash.value.extra["conflicts"] == {"name": {"yours": "Mine", "theirs": "Theirs"}}
    async with kernel.write(SYSTEM) as uow:
        record = await access.get(uow, entity, company.id, "edit")
        await records.update(uow, entity, record, {"website": "https://example.com"}, version=1)
    async with kernel.read(SYSTEM) as uow:
        both = await access.get(uow, entity, company.id)
        assert (both.name, both.website) == ("Theirs", "https://example.com")


async def test_concurrent_writers_never_overwrite_silently(kernel: Kernel) -> None:
    company = await make(kernel, "core.company", name="Acme")
    entity = kernel.registry.entity("core.company")
    with pytest.raises(RecordChanged):
        async with kernel.write(SYSTEM) as one:
            mine = await access.get(one, entity, company.id, "edit")
            async with kernel.write(SYSTEM) as two:
                theirs = await access.get(two, entity, company.id, "edit")
                await records.update(two, entity, theirs, {"name": "Two"})
            await records.update(one, entity, mine, {"name": "One"})
    async with kernel.read(SYSTEM) as uow:
        assert (await access.get(uow, entity, company.id)).name == "Two"


async def test_trash_hides_and_restore_brings_back(kernel: Kernel) -> None:
    company = await make(kernel, "core.company", name="Acme")
    entity = kernel.registry.entity("core.company")
    async with kernel.write(SYSTEM) as uow:
        await records.delete(uow, entity, await access.get(uow, entity, company.id, "delete"))
    async with kernel.read(SYSTEM) as uow:
        with pytest.raises(NotFound):
            await access.get(uow, entity, company.id)
    async with kernel.write(SYSTEM) as uow:
        await records.restore(uow, entity, await access.get(uow, entity, company.id, "delete", deleted=True))
    kinds = [k for k, _ in await told(kernel, company)]
    assert kinds == ["core.company.created", "core.company.deleted", "core.company.restored"]
    assert (await told(kernel, company))[1][1]["before"]["name"] == "Acme"


async def test_record_as_it_was(kernel: Kernel) -> None:
    company = await make(kernel, "core.company", name="One")
    entity = kernel.registry.entity("core.company")
    for name in ("Two", "Three"):
        async with kernel.write(SYSTEM) as uow:
            await records.update(uow, entity, await access.get(uow, entity, company.id, "edit"), {"name": name})
    async with kernel.read(SYSTEM) as uow:
        ids = list(await uow.session.scalars(
            sa.select(EventRow.id).where(EventRow.record_id == company.id).order_by(EventRow.id)))  # fmt: skip
        names = [(await history.state_at(uow, entity, company.id, i))["name"] for i in ids]
    assert names == ["One", "Two", "Three"]


async def test_bulk_update_writes_one_event_a_record(kernel: Kernel) -> None:
    made = [await make(kernel, "core.company", name=f"C{i}") for i in range(5)]
    entity = kernel.registry.entity("core.company")
    async with kernel.write(SYSTEM) as uow:
        changed = await bulk_update(uow, entity, Company.name_f != "c0", {"industry": "medical"})
    assert changed == 4
    assert [len(await told(kernel, c)) for c in made] == [1, 2, 2, 2, 2]


async def test_link_puts_the_event_on_the_other_timeline(kernel: Kernel) -> None:
    company = await make(kernel, "core.company", name="Acme")
    contact = await make(kernel, "core.contact", last_name="L", company_id=company.id)
    async with kernel.read(SYSTEM) as uow:
        refs = set(await uow.session.scalars(sa.select(EventRef.entity).where(EventRef.record_id == company.id)))
    assert refs == {"core.company"}
    events = await told(kernel, contact)
    assert events[0][1]["after"]["company_id"] == str(company.id)


async def test_error_after_changes_leaves_nothing(kernel: Kernel) -> None:
    with pytest.raises(RuntimeError, match="undo"):
        async with kernel.write(SYSTEM) as uow:
            await records.create(uow, kernel.registry.entity("core.company"), {"name": "Gone"})
            await uow.settle()
            raise RuntimeError("undo")
    async with kernel.read(SYSTEM) as uow:
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(Company)) == 0
        assert await uow.session.scalar(sa.select(sa.func.count()).select_from(EventRow).where(
            EventRow.type == "core.company.created")) == 0  # fmt: skip


async def test_savepoint_undoes_its_part_only(kernel: Kernel) -> None:
    entity = kernel.registry.entity("core.company")
    async with kernel.write(SYSTEM) as uow:
        await records.create(uow, entity, {"name": "Kept"})
        with pytest.raises(Invalid):
            async with uow.savepoint():
                await records.create(uow, entity, {"name": "Lost"})
                await uow.settle()
                await records.create(uow, entity, {})
        await records.create(uow, entity, {"name": "Later"})
    async with kernel.read(SYSTEM) as uow:
        assert sorted(await uow.session.scalars(sa.select(Company.name))) == ["Kept", "Later"]
        kinds = list(await uow.session.scalars(sa.select(EventRow.type).where(EventRow.type.like("core.company.%"))))
        assert len(kinds) == 2


async def test_reading_unit_of_work_cannot_write(kernel: Kernel) -> None:
    async with kernel.read(SYSTEM) as uow:
        with pytest.raises(ReadOnly):
            await records.create(uow, kernel.registry.entity("core.company"), {"name": "No"})


async def test_right_to_create_is_needed_and_owner_is_bounded(kernel: Kernel) -> None:
    nobody = Actor(ActorKind.user, user_id=new_id())
    with pytest.raises(Forbidden):
        await make(kernel, "core.company", nobody, name="No")
    rights = Rights(scopes={"core.company.create": Scope.own, "core.company.read": Scope.own})
    rep = Actor(ActorKind.user, user_id=new_id(), rights=rights)
    mine = await make(kernel, "core.company", rep, name="Mine")
    assert mine.owner_id == rep.user_id
    with pytest.raises(Forbidden):
        await make(kernel, "core.company", rep, name="Other", owner_id=new_id())


async def test_unique_value_taken_is_a_conflict_and_leaves_nothing(kernel: Kernel) -> None:
    await make(kernel, "core.tag", name="VIP")
    with pytest.raises(ValueTaken):
        await make(kernel, "core.tag", name="vip")
    async with kernel.read(SYSTEM) as uow:
        kinds = list(await uow.session.scalars(sa.select(EventRow.type).where(EventRow.type == "core.tag.created")))
    assert len(kinds) == 1


async def test_link_to_a_record_that_is_not_there_is_refused(kernel: Kernel) -> None:
    with pytest.raises(Invalid):
        await make(kernel, "core.contact", last_name="L", company_id=new_id())
