"""Import and export: files as people have them, reports, rights, round trips."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from crm_core.auth.actor import Actor, ActorKind, Rights, Scope, system
from crm_core.db.types import new_id
from crm_core.entity import records
from crm_core.entity.cells import shielded, unshielded
from crm_core.entity.event_rows import EventRow
from crm_core.errors import Forbidden
from crm_core.features.companies.models import Company
from crm_core.features.contacts.models import Contact, ContactEmail
from crm_core.features.exports.public import Wanted, export_csv, export_xlsx
from crm_core.features.imports.hints import told
from crm_core.features.imports.public import (
    Cells,
    Plan,
    Report,
    SheetError,
    UnknownTarget,
    guess,
    left_out,
    open_sheet,
    preview,
    run_import,
    targets,
)
from crm_core.kernel import Kernel

SYSTEM = system("test")


def written(folder: Path, content: str | bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


async def imported(
    kernel: Kernel, path: Path, entity: str, mapping: Mapping[str, str], actor: Actor = SYSTEM, **plan: Any
) -> Report:
    found = kernel.registry.entity(entity)
    return await run_import(kernel, actor, open_sheet(path), Plan(entity=found, mapping=mapping, **plan))


async def companies(kernel: Kernel) -> dict[str, Company]:
    async with kernel.read(SYSTEM) as uow:
        return {c.name: c for c in await uow.session.scalars(sa.select(Company))}


@pytest.mark.parametrize(
    ("encoding", "separator"), [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("cp1252", "|")]
)
def test_encoding_and_separator_are_found_out(tmp_path: Path, encoding: str, separator: str) -> None:
    lines = [["Name", "City", "Note"], ["Müller & Söhne", "Köln", "a"], ["Größe", "Zürich", "b"]]
    sheet = open_sheet(written(tmp_path, "\r\n".join(separator.join(r) for r in lines).encode(encoding)))
    assert sheet.separator == separator
    assert [r.cells for r in sheet.rows()] == lines[1:]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 something", "not a CSV"),
        (b"\x00\x01\x02" * 100, "not a CSV"),
        (b"PK\x03\x04broken", "XLSX"),
        (b",,,\n1,2,3,4\n", "no column titles"),
        ((",".join(f"c{n}" for n in range(10_000)) + "\n1\n").encode(), "10000 columns"),
    ],
)
def test_file_that_is_no_table_is_refused_with_a_reason(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(SheetError) as refused:
        open_sheet(written(tmp_path, content))
    assert words in str(refused.value)


def test_rows_that_cannot_be_read_say_why_and_the_others_are_read(tmp_path: Path) -> None:
    content = "a,b\n1,2\n1,2,3\nMünchen,4\n".encode() + b"K\xf6ln,5\nZ\xc3\xbcrich,6\n"
    problems = [str(r.problem or "") for r in open_sheet(written(tmp_path, content)).rows()]
    assert [bool(p) for p in problems] == [False, True, False, True, False]
    assert "3 cells" in problems[1]
    assert "encoding" in problems[3]


def test_open_quote_ends_in_a_problem_not_in_memory(tmp_path: Path) -> None:
    rows = list(open_sheet(written(tmp_path, 'a,b\n1,2\n"x' + "y" * 500_000 + "\n" * 1000)).rows())
    assert rows[-1].problem is not None
    assert "quotation mark" in str(rows[-1].problem)


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 40", "-5", "@x", "'quoted", "'=x", " =x", "＝x", "\t=x", "plain", "it's"]
)
def test_shielded_cell_starts_no_formula_and_comes_back(text: str) -> None:
    cell = shielded(text)
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "＝", "\t"))
    assert unshielded(cell) == text


@pytest.mark.parametrize(
    ("cell", "number"),
    [("1.234,56", "1234.56"), ("1,234.56", "1234.56"), ("1234,5", "1234.5"), ("€ 12", "12"), ("1'000", "1000")],
)
def test_numbers_are_read_as_people_write_them(cell: str, number: str) -> None:
    assert Cells("UTC").number(cell) == Decimal(number)


def test_columns_are_guessed_by_english_and_german_titles(kernel: Kernel) -> None:
    contact = kernel.registry.entity("core.contact")
    found = guess(kernel.registry, SYSTEM, contact, ["Vorname", "Last Name", "E-Mail", "Firma", "Nonsense"])
    assert found == {
        "Vorname": "first_name", "Last Name": "last_name", "E-Mail": "emails.address", "Firma": "company_id",
    }  # fmt: skip


def test_column_named_like_a_field_is_that_field(kernel: Kernel) -> None:
    for name in ("core.company", "core.contact", "core.lead", "core.deal"):
        entity = kernel.registry.entity(name)
        for own in targets(kernel.registry, SYSTEM, entity):
            if entity.field(own) is not None:
                assert guess(kernel.registry, SYSTEM, entity, [own]) == {own: own}
    company, deal = kernel.registry.entity("core.company"), kernel.registry.entity("core.deal")
    assert guess(kernel.registry, SYSTEM, company, ["Domains", "domain"]) == {"domain": "domain"} | {
        "Domains": "domains.domain"
    }
    titles = ["Lost reason", "lost_reason"]
    assert guess(kernel.registry, SYSTEM, deal, titles)["lost_reason"] == "lost_reason"


def test_column_named_like_a_field_that_is_not_imported_is_left_out_and_told(kernel: Kernel) -> None:
    deal = kernel.registry.entity("core.deal")
    assert guess(kernel.registry, SYSTEM, deal, ["created_at", "name"]) == {"name": "name"}
    assert left_out(kernel.registry, SYSTEM, deal, ["created_at", "name", "nonsense"]) == ["created_at"]
    contact = kernel.registry.entity("core.contact")  # its first number, which is one of the list
    assert guess(kernel.registry, SYSTEM, contact, ["phone", "email"]) == {
        "phone": "phones.number", "email": "emails.address",
    }  # fmt: skip


@pytest.mark.parametrize(("entity", "field"), [("core.company", "domain"), ("core.deal", "lost_reason")])
def test_barred_field_is_no_other_field_of_that_name(kernel: Kernel, entity: str, field: str) -> None:
    found = kernel.registry.entity(entity)
    rights = Rights(scopes={f"{entity}.import": Scope.all}, hidden=frozenset({f"{entity}.{field}"}))
    who = Actor(ActorKind.user, name="x", user_id=new_id(), rights=rights)
    assert field not in targets(kernel.registry, who, found)
    assert guess(kernel.registry, who, found, [field]) == {}
    assert left_out(kernel.registry, who, found, [field]) == []


async def test_preview_and_dry_run_hint_at_records_that_may_be_there(kernel: Kernel, tmp_path: Path) -> None:
    async with kernel.write(SYSTEM) as uow:
        await records.create(uow, uow.registry.entity("core.company"), {"name": "Acme GmbH", "domain": "acme.example"})
    path = written(tmp_path, "name,domain\nNew Ltd,new.example\nOther name,acme.example\nAcme AG,\n")
    company = kernel.registry.entity("core.company")
    plan = Plan(entity=company, mapping={"name": "name", "domain": "domain"})
    async with kernel.read(SYSTEM) as uow:
        rows = await told(uow, plan, preview(kernel, SYSTEM, open_sheet(path), plan))
    rights = Rights(scopes={"core.company.import": Scope.all})
    barred = Actor(ActorKind.user, name="x", user_id=new_id(), rights=rights)
    assert [[(c.title, c.reasons[0].kind) for c in row["duplicates"]] for row in rows] == [
        [], [("Acme GmbH", "domain")], [("Acme GmbH", "name")],
    ]  # fmt: skip
    async with kernel.read(barred) as uow:
        assert not any(row["duplicates"] for row in await told(uow, plan, rows))
    report = await imported(kernel, path, "core.company", plan.mapping, dry_run=True)
    assert [(h.row, h.candidates[0].title) for h in report.duplicates] == [(3, "Acme GmbH"), (4, "Acme GmbH")]
    assert (await imported(kernel, path, "core.company", plan.mapping)).created == 3  # hints keep nothing out
    again = Plan(entity=company, mapping=plan.mapping, mode="both", match="domain")
    async with kernel.read(SYSTEM) as uow:
        rows = await told(uow, again, preview(kernel, SYSTEM, open_sheet(path), again))
    assert "New Ltd" not in [c.title for c in rows[0]["duplicates"]]  # what the row updates is no duplicate


async def test_import_makes_records_with_parts_links_events_and_search(kernel: Kernel, tmp_path: Path) -> None:
    async with kernel.write(SYSTEM) as uow:
        firm = await records.create(uow, kernel.registry.entity("core.company"), {"name": "Müller AG"})
    path = written(
        tmp_path, "first,last,mail,firm\nAda,Lovelace,ada@x.example; a@y.example,muller ag\nBob,Ray,,Nobody\n"
    )
    mapping = {"first": "first_name", "last": "last_name", "mail": "emails", "firm": "company"}
    report = await imported(kernel, path, "core.contact", mapping)
    assert (report.created, report.failed, report.warnings) == (2, 0, 1)
    assert report.unknown == {("firm", "Nobody"): 1}
    async with kernel.read(SYSTEM) as uow:
        ada = (await uow.session.scalars(sa.select(Contact).where(Contact.last_name == "Lovelace"))).one()
        assert (ada.name, ada.company_id, ada.version) == ("Ada Lovelace", firm.id, 1)
        emails = await uow.session.scalars(sa.select(ContactEmail.address).order_by(ContactEmail.position))
        assert list(emails) == ["ada@x.example", "a@y.example"]
        kinds = await uow.session.scalars(sa.select(EventRow.type).where(EventRow.cause == report.cause))
        assert list(kinds) == ["core.contact.created"] * 2


async def test_misspelt_choice_is_reported_with_a_suggestion_and_left_empty(kernel: Kernel, tmp_path: Path) -> None:
    path = written(tmp_path, "name,sector\nA,technolgy\nB,Medical\n")
    report = await imported(kernel, path, "core.company", {"name": "name", "sector": "industry"})
    assert report.unknown == {("sector", "technolgy"): 1}
    assert report.suggestions == {("sector", "technolgy"): "technology"}
    found = await companies(kernel)
    assert (found["A"].industry, found["B"].industry) == (None, "medical")


async def test_strict_import_fails_the_row_instead(kernel: Kernel, tmp_path: Path) -> None:
    path = written(tmp_path, "name,sector\nA,technolgy\nB,Medical\n")
    report = await imported(kernel, path, "core.company", {"name": "name", "sector": "industry"}, strict=True)
    assert (report.created, report.failed) == (1, 1)
    assert set(await companies(kernel)) == {"B"}


async def test_bad_rows_are_reported_and_good_ones_are_in(kernel: Kernel, tmp_path: Path) -> None:
    path = written(tmp_path, "name,staff\nA,12\n,5\nC,many\nD\x00,1\nE,7\n")
    report = await imported(kernel, path, "core.company", {"name": "name", "staff": "employees"})
    assert (report.rows, report.created, report.failed) == (5, 2, 3)
    assert {(p.row, p.column) for p in report.problems} == {(3, "name"), (4, "staff"), (5, "name")}


async def test_parents_further_down_the_file_are_linked(kernel: Kernel, tmp_path: Path) -> None:
    path = written(tmp_path, "name,parent\nChild,Mother\nMother,\nOrphan,Missing\n")
    report = await imported(kernel, path, "core.company", {"name": "name", "parent": "parent"})
    found = await companies(kernel)
    assert found["Child"].parent_id == found["Mother"].id
    assert report.unknown == {("parent", "Missing"): 1}


async def test_dry_run_reports_the_same_and_changes_nothing(kernel: Kernel, tmp_path: Path) -> None:
    path = written(tmp_path, "name,staff\nA,12\nB,x\n")
    report = await imported(kernel, path, "core.company", {"name": "name", "staff": "employees"}, dry_run=True)
    assert (report.created, report.failed) == (1, 1)
    assert await companies(kernel) == {}
    async with kernel.read(SYSTEM) as uow:
        assert await uow.session.scalar(sa.select(EventRow.id).where(EventRow.entity == "core.company")) is None


async def test_second_import_updates_by_the_match_field(kernel: Kernel, tmp_path: Path) -> None:
    mapping = {"name": "name", "city": "city"}
    await imported(kernel, written(tmp_path, "name,city\nA,Köln\nB,Ulm\n"), "core.company", mapping)
    again = written(tmp_path, "name,city\nA,Bonn\nB,Ulm\nC,Jena\n")
    report = await imported(kernel, again, "core.company", mapping, mode="both", match="name")
    assert (report.created, report.updated, report.unchanged, report.failed) == (1, 1, 1, 0)
    assert {n: c.city for n, c in (await companies(kernel)).items()} == {"A": "Bonn", "B": "Ulm", "C": "Jena"}


async def test_taken_unique_value_fails_its_row_only(kernel: Kernel, tmp_path: Path) -> None:
    path = written(tmp_path, "name\nRed\nBlue\nred\nGreen\n")
    report = await imported(kernel, path, "core.tag", {"name": "name"})
    assert (report.created, report.failed) == (3, 1)
    assert [p.row for p in report.problems] == [4]


async def test_import_needs_the_right_and_sets_no_barred_field(kernel: Kernel, tmp_path: Path) -> None:
    path = written(tmp_path, "name,employees\nA,5\n")
    scopes = {f"core.company.{v}": Scope.own for v in ("read", "create", "edit")}
    actor = Actor(ActorKind.user, user_id=new_id(), rights=Rights(scopes=scopes))
    with pytest.raises(Forbidden):
        await imported(kernel, path, "core.company", {"name": "name"}, actor)
    rights = Rights(scopes={**scopes, "core.company.import": Scope.own}, locked=frozenset({"core.company.employees"}))
    clerk = Actor(ActorKind.user, user_id=new_id(), rights=rights)
    with pytest.raises(UnknownTarget):
        await imported(kernel, path, "core.company", {"name": "name", "employees": "employees"}, clerk)
    await imported(kernel, path, "core.company", {"name": "name"}, clerk)
    assert (await companies(kernel))["A"].owner_id == clerk.user_id


async def test_unknown_column_and_field_are_named_with_what_is_near(kernel: Kernel, tmp_path: Path) -> None:
    path = written(tmp_path, "name\nA\n")
    for mapping in ({"nme": "name"}, {"name": "nmae"}):
        with pytest.raises(UnknownTarget) as refused:
            await imported(kernel, path, "core.company", mapping)
        assert "name" in str(refused.value)


async def test_spreadsheet_is_imported_with_days_and_numbers(kernel: Kernel, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Name", "Employees", "Founded"])
    sheet.append(["A", 12, 1999])
    sheet.append(["B", "=1+1", 2001])
    book.save(tmp_path / "book.xlsx")
    mapping = {"Name": "name", "Employees": "employees", "Founded": "founded"}
    report = await imported(kernel, tmp_path / "book.xlsx", "core.company", mapping)
    assert (report.created, report.failed) == (1, 1)
    assert "formula" in str(report.problems[0].text)
    assert (await companies(kernel))["A"].employees == 12


async def test_preview_shows_rows_as_they_would_be_read(kernel: Kernel, tmp_path: Path) -> None:
    sheet = open_sheet(written(tmp_path, "name,staff\nA,12\nB,x\n"))
    plan = Plan(entity=kernel.registry.entity("core.company"), mapping={"name": "name", "staff": "employees"})
    first, second = preview(kernel, SYSTEM, sheet, plan)
    assert first["values"] == {"name": "A", "employees": 12}
    assert second["problems"][0]["column"] == "staff"


async def test_export_comes_back_the_same_through_an_import(kernel: Kernel, tmp_path: Path) -> None:
    entity = kernel.registry.entity("core.company")
    names = ["=cmd|'/c calc'!A1", "+1", "-x", "@here", "'quoted", 'Komma, "Zitat"; Semikolon', "Zeile"]
    async with kernel.write(SYSTEM) as uow:
        for name in names:
            await records.create(uow, entity, {"name": name, "revenue": "12.50", "tags": ["a", "b"]})
    blocks = [b async for b in export_csv(kernel, SYSTEM, Wanted(entity=entity, columns=("name", "revenue", "tags")))]
    text = b"".join(blocks).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["name", "revenue", "revenue_currency", "tags"]
    assert not [r for r in rows[1:] if r[0].startswith(("=", "+", "-", "@"))]
    assert {unshielded(r[0]) for r in rows[1:]} == set(names)
    assert {tuple(r[1:]) for r in rows[1:]} == {("12.5", "EUR", "a; b")}


async def test_export_to_a_spreadsheet_has_texts_not_formulas(kernel: Kernel, tmp_path: Path) -> None:
    entity = kernel.registry.entity("core.company")
    async with kernel.write(SYSTEM) as uow:
        await records.create(uow, entity, {"name": "=1+1", "employees": 3})
    path = tmp_path / "out.xlsx"
    assert await export_xlsx(kernel, SYSTEM, Wanted(entity=entity, columns=("name", "employees")), path) == 1
    cells = next(iter(openpyxl.load_workbook(path).active.iter_rows(min_row=2)))  # type: ignore[union-attr]
    assert [(c.value, c.data_type) for c in cells] == [("=1+1", "s"), (3, "n")]


async def test_export_gives_no_more_than_the_right_to_export(kernel: Kernel) -> None:
    entity = kernel.registry.entity("core.company")
    me = new_id()
    scopes = {"core.company.read": Scope.all, "core.company.export": Scope.own}
    actor = Actor(ActorKind.user, user_id=me, rights=Rights(scopes=scopes, hidden=frozenset({"core.company.revenue"})))
    async with kernel.write(SYSTEM) as uow:
        await records.create(uow, entity, {"name": "Mine", "owner_id": me, "revenue": "5"})
        await records.create(uow, entity, {"name": "Theirs", "owner_id": new_id()})
    text = b"".join([b async for b in export_csv(kernel, actor, Wanted(entity=entity))]).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [r["name"] for r in rows] == ["Mine"]
    assert "revenue" not in rows[0]
    nobody = Actor(ActorKind.user, user_id=me, rights=Rights(scopes={"core.company.read": Scope.all}))
    with pytest.raises(Forbidden):
        [b async for b in export_csv(kernel, nobody, Wanted(entity=entity))]
