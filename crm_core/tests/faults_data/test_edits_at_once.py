"""F17: one record edited by 2 to 20 at once, by every route that writes: nobody's change is overwritten silently."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.entity.event_rows import EventData, EventRow
from crm_core.features.deals.models import Deal
from crm_core.features.imports.public import Plan, open_sheet, run_import
from crm_core.kernel import Kernel
from crm_core.testing.people import People
from crm_rows import kinds
from crm_rows.routes import routes, shape_of
from litestar import Litestar

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]
CUSTOM = "custom.note"
FIELDS = ("name", "product", "lost_reason", "description", CUSTOM)

# How each route that changes a deal is driven below. "" says that it cannot overwrite a field: why, in a word.
WRITERS = {
    "PATCH /api/v1/deals/{record_id}": "api", "POST /deals/{record_id}/edit": "form",
    "POST /api/v1/deals/bulk": "bulk", "POST /deals/bulk": "",  # trash, restore and actions, no values
    "POST /deals/bulk-edit": "",  # sets one field as the API's bulk does
    "POST /api/v1/imports": "import",
    "POST /api/v1/deals/{record_id}/move": "action", "POST /api/v1/deals/{record_id}/win": "",
    "POST /api/v1/deals/{record_id}/lose": "lose", "POST /deals/{record_id}/do/{name}": "",  # as by the API
    "DELETE /api/v1/deals/{record_id}": "", "POST /deals/{record_id}/delete": "",  # the trash keeps all values
    "POST /api/v1/deals/{record_id}/restore": "", "POST /deals/{record_id}/restore": "",
    "POST /api/v1/deals": "", "POST /deals/new": "",  # a new record
    "POST /api/v1/deals/{record_id}/shares": "", "DELETE /api/v1/deals/{record_id}/shares/{share_id}": "",
    # Merges have tests of their own beside edits (tests/care); the others write no field that somebody types.
    "POST /api/v1/deals/{record_id}/merge": "", "POST /deals/{record_id}/merge": "",
    "POST /api/v1/deals/duplicates": "",
    "POST /api/v1/deals/{record_id}/merge_into": "", "POST /api/v1/deals/{record_id}/assign_by_pool": "",
    "POST /api/v1/deals/{record_id}/purge": "", "POST /deals/{record_id}/purge": "",
    "POST /api/v1/deals/{record_id}/reopen": "", "POST /api/v1/deals/{record_id}/request_approval": "",
    "POST /deals/{record_id}/share": "", "POST /deals/{record_id}/shares/{share_id}/revoke": "",  # rights only
}  # fmt: skip
VERSIONED = ("api", "form")


def test_every_route_that_writes_a_record_is_in_the_list(kernel: Kernel, app: Litestar) -> None:
    missing = []
    for method, template, _opt in routes(app):
        shape = shape_of(kernel.registry, method, template)
        writes = method != "GET" and shape is not None and shape[0].name == "core.deal"
        if writes and f"{method} {template}" not in WRITERS:
            missing.append(f"{method} {template} writes deals: add it to WRITERS here, with how to drive it")
    assert not missing, "\n".join(missing)


def of(record: Any, name: str) -> Any:
    """Return a record's value of a field, custom or its own."""
    return record.custom.get("note") if name == CUSTOM else getattr(record, name)


@dataclass
class Edit:
    """One writer's attempt and what came of it."""

    how: str
    field: str
    value: str
    status: int = 0
    body: Any = None

    @property
    def done(self) -> bool:
        return self.status == 200

    @property
    def values(self) -> dict[str, Any]:
        """Return what the API is sent."""
        return {"custom": {"note": self.value}} if self.field == CUSTOM else {self.field: self.value}


@dataclass
class History:
    """Editors of one deal, all of whom read it at the same version."""

    kernel: Kernel
    folder: Path
    client: Any
    headers: dict[str, str]
    deal: Any
    stage: str
    edits: list[Edit] = field(default_factory=list)

    async def run(self) -> None:
        await asyncio.gather(*(getattr(self, f"by_{e.how}")(e) for e in self.edits))

    async def by_api(self, edit: Edit) -> None:
        answer = await self.client.patch(
            f"/api/v1/deals/{self.deal.id}", json={**edit.values, "version": self.deal.version},
            headers=self.headers,
        )  # fmt: skip
        edit.status, edit.body = answer.status_code, answer.json()

    async def by_form(self, edit: Edit) -> None:
        form = {**kinds.form_of(DEAL[0], self.deal), CUSTOM: of(self.deal, CUSTOM), edit.field: edit.value}
        answer = await self.client.post(f"/deals/{self.deal.id}/edit", data=form)
        edit.status, edit.body = (200 if answer.status_code == 303 else answer.status_code), answer.text

    async def by_bulk(self, edit: Edit) -> None:
        body = {"ids": [str(self.deal.id)], "action": "update", "values": edit.values}
        answer = await self.client.post("/api/v1/deals/bulk", json=body, headers=self.headers)
        edit.body = answer.json()
        edit.status = edit.body["results"][0]["status"] if answer.status_code == 200 else answer.status_code

    async def by_import(self, edit: Edit) -> None:
        # As the import's job does it; the request itself only stores the file.
        path = self.folder / f"{id(edit)}.csv"
        path.write_text(f"ref,x\n{self.deal.reference},{edit.value}\n")
        mapping = {"ref": "reference", "x": edit.field}
        plan = Plan(entity=DEAL[0], mapping=mapping, mode="update", match="reference")
        report = await run_import(self.kernel, system("test"), open_sheet(path), plan)
        edit.status, edit.body = (200 if report.updated else 409), report

    async def by_action(self, edit: Edit) -> None:
        edit.field = ""
        answer = await self.client.post(
            f"/api/v1/deals/{self.deal.id}/move", json={"stage_id": self.stage}, headers=self.headers
        )
        edit.status = answer.status_code

    async def by_lose(self, edit: Edit) -> None:
        edit.field = ""
        answer = await self.client.post(
            f"/api/v1/deals/{self.deal.id}/lose", json={"lost_reason": edit.value}, headers=self.headers
        )
        edit.status = answer.status_code


DEAL: list[Any] = []


async def told_of(kernel: Kernel, deal: Any) -> list[dict[str, Any]]:
    """Return the payloads of the deal's changes in their order of commit (its versions)."""
    query = (
        sa.select(EventData.payload).join(EventRow, EventRow.id == EventData.event_id)
        .where(EventRow.record_id == deal.id, EventRow.type == "core.deal.updated")
    )  # fmt: skip
    async with kernel.read(system("test")) as uow:
        return list(await uow.session.scalars(query))


def chained(start: dict[str, Any], events: list[dict[str, Any]], name: str) -> list[str] | None:
    """Return a field's values in order when each change began where the one before ended; None when one got lost."""
    steps = {e["before"].get(name): e["after"][name] for e in events if name in e.get("after", {})}
    count = sum(1 for e in events if name in e.get("after", {}))
    value, found = start[name], []
    while value in steps:
        value = steps.pop(value)
        found.append(value)
    return found if len(found) == count else None


def judge(history: History, start: dict[str, Any], end: Any, events: list[dict[str, Any]], seen: Counter[str]) -> None:
    """Count what is wrong with a history."""
    for name in FIELDS:
        values = chained(start, events, name)
        mine = [e for e in history.edits if e.field == name]
        if values is None or (values and of(end, name) != values[-1]) or [
            e for e in mine if e.done and e.value not in values
        ]:  # fmt: skip
            seen["lost updates"] += 1
            continue
        for edit in mine:
            if edit.done and edit.how in VERSIONED and values.index(edit.value) > 0:
                seen["silent overwrites"] += 1
            if edit.status == 409 and edit.how in VERSIONED and not values:
                seen["409 though nobody changed this field"] += 1
    for edit in history.edits:
        seen[f"{edit.how} {'done' if edit.done else edit.status}"] += 1
        if edit.status >= 500:
            seen["server faults"] += 1
        if edit.status == 409 and edit.how == "api":
            both = (edit.body.get("conflicts") or {}).get(edit.field) or {}
            seen["409 without both values"] += both.get("yours") != edit.value or "theirs" not in both
        if edit.status == 409 and edit.how == "form":
            seen["409 without both values"] += edit.value not in edit.body


WRONG = ("silent overwrites", "lost updates", "server faults", "409 without both values",
         "409 though nobody changed this field")  # fmt: skip


async def test_edits_at_once_merge_or_are_told_apart(
    kernel: Kernel, as_user: People, tmp_path: Path, full: bool
) -> None:
    kernel.db.write_limit = None
    boss, count, chance, started = await as_user("admin"), 5000 if full else 250, random.Random(17), perf_counter()
    await boss.api.post("/custom-fields", {"entity": "core.deal", "name": "note", "label": "Note", "kind": "text"})
    DEAL[:] = [kernel.registry.entity("core.deal")]
    stages = (await boss.api.get("/stages"))["items"]
    seen: Counter[str] = Counter()
    for number in range(count):
        async with kernel.write(system("test")) as uow:
            deal = await kinds.make(uow, DEAL[0], "Deal", boss.id, reference=f"R{number}", product="p", lost_reason="l",
                                    description="d", custom={"note": "n"})  # fmt: skip
        start = {n: of(deal, n) for n in FIELDS}
        other = next(s["id"] for s in stages if s["category"] == "open" and s["id"] != str(deal.stage_id))
        history = History(kernel, tmp_path, boss.client, boss.api.headers, deal, other)
        for n in range(chance.choice((2, 2, 2, 3, 3, 4, 5, 8, chance.randint(2, 20)))):
            how = chance.choices(("api", "form", "bulk", "import", "action", "lose"), (4, 4, 2, 1, 1, 1))[0]
            history.edits.append(Edit(how, chance.choice(FIELDS), f"{how} {number}-{n}"))
        await history.run()
        async with kernel.read(system("test")) as uow:
            end = await uow.session.get(Deal, deal.id)
        judge(history, start, end, await told_of(kernel, deal), seen)
    wrong = {k: seen[k] for k in WRONG}
    done = {k: v for k, v in sorted(seen.items()) if k not in WRONG and v}
    print(f"F17 {kernel.db.dialect}: N = {count} histories, {wrong}; {done}; {perf_counter() - started:.0f} s")
    assert not any(wrong.values()), wrong
