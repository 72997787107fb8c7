"""What commands that do their work print and with which code they end, from the database to the API and back."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from crm_core.app import create_app
from crm_core.config import Config
from crm_core.kernel import open_kernel

Run = Callable[..., Any]
PEOPLE = "Name,Mail\nLovelace,ada@example.com\nHopper,grace@example.com\n"


@pytest.fixture
def crm(run: Run, config: Config, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The commands on the test's own database, which has one user."""
    monkeypatch.setattr(Config, "load", classmethod(lambda _cls, _folder=None: config))
    assert run("user", "add", "admin@example.com", "--role", "admin", "--no-password").code == 0
    return run


def lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_token_that_is_printed_opens_the_api_within_its_scope(crm: Run, config: Config) -> None:
    made = crm("token", "create", "admin@example.com", "--scope", "read", "--days", "3")
    assert made.code == 0
    token = made.out.strip()
    assert made.out.count("\n") == 1

    async def ask() -> tuple[int, int, int]:
        kernel = await open_kernel(config)
        try:
            transport = httpx2.ASGITransport(create_app(kernel))
            headers = {"authorization": f"Bearer {token}"}
            async with httpx2.AsyncClient(transport=transport, base_url="http://testserver.local") as client:
                seen = await client.get("/api/v1/companies", headers=headers)
                written = await client.post("/api/v1/companies", headers=headers, json={"name": "Globex"})
                without = await client.get("/api/v1/companies")
                return seen.status_code, written.status_code, without.status_code
        finally:
            await kernel.close()

    assert asyncio.run(ask()) == (200, 403, 401)
    refused = crm("token", "create", "admin@example.com", "--scope", "core.nothing")
    assert refused.code == 2
    assert "core.nothing" in refused.err


def test_import_ends_with_zero_one_or_two(crm: Run, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE)
    tried = crm("import", "contacts", "people.csv", "--map", "Name=last_name", "--map", "Mail=emails", "--dry-run")
    assert (tried.code, tried.out.splitlines()[0]) == (0, "dry run: nothing was changed")
    crm("export", "contacts", "--output", "none.csv")
    assert len(lines(tmp_path / "none.csv")) == 1
    done = crm("import", "contacts", "people.csv", "--map", "Name=last_name", "--map", "Mail=emails")
    assert (done.code, done.out.splitlines()[0][:20]) == (0, "2 rows: 2 created, 0")
    (tmp_path / "people.csv").write_text(PEOPLE + ",nobody\n")
    words = ("--map", "Name=last_name", "--map", "Mail=emails", "--match", "emails", "--report", "report.csv")
    some = crm("import", "contacts", "people.csv", *words)
    assert some.code == 1
    assert "1 not imported" in some.out
    assert {row[4] for row in lines(tmp_path / "report.csv")[1:]} == {"no"}
    assert crm("import", "contacts", "people.csv", "--map", "Name=nothing").code == 2


def test_export_writes_what_was_asked_for(crm: Run, tmp_path: Path) -> None:
    (tmp_path / "companies.csv").write_text("Name\nGlobex\nInitech\n")
    assert crm("import", "companies", "companies.csv").code == 0
    words = ("--fields", "name", "--sort", "-name", "--filter", '{"field": "name", "op": "is", "value": "globex"}')
    assert crm("export", "core.company", *words, "--output", "globex.csv").code == 0
    assert lines(tmp_path / "globex.csv") == [["name"], ["Globex"]]
    assert crm("export", "companies", "--fields", "name", "--labels", "--sort", "name", "-o", "all.csv").code == 0
    assert lines(tmp_path / "all.csv") == [["Name"], ["Globex"], ["Initech"]]
    assert crm("export", "companies", "--fields", "name", "--output", "all.xlsx").code == 0
    assert (tmp_path / "all.xlsx").read_bytes()[:2] == b"PK"
    assert crm("export", "companies", "--fields", "name").out.lstrip("\ufeff").split() == ["name", "Globex", "Initech"]
    before = (tmp_path / "all.xlsx").read_bytes()
    assert crm("export", "companies", "--fields", "nothing", "--output", "all.xlsx").code == 2
    assert (tmp_path / "all.xlsx").read_bytes() == before


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_docs_writes_the_reference(crm: Run, tmp_path: Path) -> None:
    told = crm("docs", "--out", "reference")
    written = sorted(p.name for p in (tmp_path / "reference").iterdir())
    assert (told.code, told.out) == (0, f"wrote {len(written)} files to reference\n")
    assert {"cli.md", "hooks.md", "events.md", "permissions.md", "settings.md", "errors.md"} <= set(written)


def test_database_that_is_behind_ends_the_command_with_one(run: Run, empty_database_url: str, base_config: Config,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    config = base_config.but(database_url=empty_database_url)
    monkeypatch.setattr(Config, "load", classmethod(lambda _cls, _folder=None: config.prepare()))
    behind = run("db", "status")
    assert behind.code == 1
    assert "to run" in behind.out
    assert run("doctor").code == 1
