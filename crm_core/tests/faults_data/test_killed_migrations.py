"""F22: migrations killed at every statement, on tables full of rows; run again they come to the same schema."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.db import migrate, tables
from crm_core.db.packages import Package

pytestmark = [pytest.mark.faults, pytest.mark.timeout(7200)]

# Forks migrations that have everything loaded, and kills each at one statement (or commit) of its own.
NURSERY = """
import asyncio, os, signal, sys
from pathlib import Path
import sqlalchemy as sa
import alembic.command, aiosqlite, asyncpg
from crm_core.db import migrate, tables
from crm_core.db.packages import Package
tables.import_all()

def run(url, name, versions, kill_at):
    count = 0
    def step(*_given):
        nonlocal count
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
    sa.event.listen(sa.Engine, "before_cursor_execute", step)
    sa.event.listen(sa.Engine, "commit", step)
    asyncio.run(migrate.upgrade(url, (Package(name, "crm_" + name, Path(versions), "1.0"),)))
    os._exit(0)

for line in sys.stdin:
    url, name, versions, kill_at = line.split()
    child = os.fork()
    if child == 0:
        try:
            run(url, name, versions, int(kill_at))
        finally:
            os._exit(3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

BIG = (
    (
        """
op.create_table("big_row", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(80), nullable=False), sa.Column("old", sa.Integer))
op.create_table("big_child", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("row_id", sa.Integer, sa.ForeignKey("big_row.id", ondelete="CASCADE"), nullable=False))
""",
        'op.drop_table("big_child")\nop.drop_table("big_row")\n',
    ),
    (
        """
op.add_column("big_row", sa.Column("folded", sa.String(80)))
op.execute("update big_row set folded = lower(name)")
op.create_index("ix_big_row_folded", "big_row", ["folded"])
with op.batch_alter_table("big_row") as table:
    table.alter_column("folded", existing_type=sa.String(80), nullable=False)
    table.alter_column("name", existing_type=sa.String(80), type_=sa.String(120), existing_nullable=False)
op.create_table("big_copy", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(120)))
op.execute("insert into big_copy select id, name from big_row")
""",
        """
op.drop_table("big_copy")
with op.batch_alter_table("big_row") as table:
    table.alter_column("name", existing_type=sa.String(120), type_=sa.String(80), existing_nullable=False)
    table.drop_index("ix_big_row_folded")
    table.drop_column("folded")
""",
    ),
)


@pytest.fixture(scope="module")
def nursery() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def core() -> Package:
    tables.import_all()
    return migrate.package("crm_core")


@pytest.fixture
def big(tmp_path: Path) -> Package:
    """A package whose second revision does everything that is slow on a big table."""
    versions = tmp_path / "big" / "versions"
    versions.mkdir(parents=True)
    for number, (up, down) in enumerate(BIG, 1):
        below = f"big_{number - 1:04}" if number > 1 else None
        (versions / f"big_{number:04}_step.py").write_text(
            f"import sqlalchemy as sa\nfrom alembic import op\nrevision = 'big_{number:04}'\ndown_revision = {below!r}\n"  # noqa: E501
            f"def upgrade():\n{textwrap.indent(up, '    ')}\ndef downgrade():\n{textwrap.indent(down, '    ')}\n"
        )
    return Package("big", "crm_big", versions, "1.0")


async def step(url: str, own: Package) -> None:
    """Run the next revision alone."""
    async with migrate.locked(url) as connection:
        await migrate._step(connection, own)


async def current(url: str, own: Package) -> str | None:
    return (await migrate.status(url, (own,)))[0].current


CATALOG = """
select string_agg(line, chr(10) order by line) from (
  select concat_ws(' ', table_name, column_name, data_type, character_maximum_length, is_nullable, column_default) line
    from information_schema.columns where table_schema = 'public' and table_name not like '%version%'
  union all select indexdef from pg_indexes where schemaname = 'public' and tablename not like '%version%'
  union all select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
    where contype <> 'n' and connamespace = 'public'::regnamespace and conrelid::regclass::text not like '%version%') x
"""
MASTER = "select group_concat(sql, char(10)) from (select sql from sqlite_master where name not like '%version%' order by name)"  # noqa: E501


async def hashed(url: str) -> str:
    """Return a hash of the catalogue: tables, columns, indexes and constraints, version tables left out."""
    async with migrate.connected(url) as connection:
        text = await connection.scalar(sa.text(MASTER if url.startswith("sqlite") else CATALOG))
    # A table that SQLite copies gets its constraints in the order of a set: the order of lines says nothing.
    text = "\n".join(sorted(line.strip().rstrip(",") for line in (text or "").splitlines()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


async def schemas(url: str, own: Package) -> dict[str | None, str]:
    """Return revision -> schema hash, from an upgrade that nobody disturbs."""
    found = {None: await hashed(url)}
    while (await migrate.status(url, (own,)))[0].pending:
        await step(url, own)
        found[await current(url, own)] = await hashed(url)
    return found


async def counts(url: str, names: list[str]) -> dict[str, int]:
    async with migrate.connected(url) as connection:
        return {n: await connection.scalar(sa.text(f"select count(*) from {n}")) for n in names}


async def killed_everywhere(
    nursery: subprocess.Popen[str], url: str, own: Package, every: int, expected: dict[str | None, str],
    rows: dict[str, int],
) -> tuple[int, int, int]:  # fmt: skip
    """Upgrade with a kill at every `every`-th statement of each revision; return (kills, half schemas, rows lost)."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    kills = half = lost = 0
    at, before = 1, await current(url, own)
    while True:
        nursery.stdin.write(f"{url} {own.name} {own.versions} {at}\n")
        code = int(await asyncio.to_thread(nursery.stdout.readline))
        if code == 0:
            return kills, half, lost
        assert code == -9, f"the migration failed with {code}"
        kills += 1
        now = await current(url, own)
        half += await hashed(url) != expected[now]
        found = await counts(url, list(rows))
        lost += sum(max(0, rows[n] - found[n]) for n in rows)
        at, before = (1 if now != before else at + every), now


def told(what: str, dialect: str, rows: int, outcome: tuple[int, int, int], same: bool, started: float) -> None:
    kills, half, lost = outcome
    print(f"F22 {dialect}, {what}, {rows:,} rows: {kills} kills, {half} half-done schemas, {lost} rows lost, "
          f"schema at the end {'the same' if same else 'DIFFERENT'}, {perf_counter() - started:.0f} s")  # fmt: skip
    assert (half, lost, same) == (0, 0, True)


async def fill(url: str, table: str, rows: int) -> None:
    """Put rows in by one statement, whatever columns the table has at this revision."""
    lite = url.startswith("sqlite")
    async with migrate.connected(url) as connection, connection.begin():
        columns = await connection.run_sync(lambda c: sa.inspect(c).get_columns(table))
        parts = {}
        for column in columns:
            if column["nullable"] or column["default"] is not None:
                continue
            kind = str(column["type"]).upper()
            parts[column["name"]] = (
                ("randomblob(16)" if lite else "gen_random_uuid()") if column["name"] == "id"
                else "'2026-01-01 00:00:00.000000'" if "TIME" in kind
                else ("0" if lite else "false") if "BOOL" in kind
                else "'{}'" if "JSON" in kind else "1" if "INT" in kind or "NUM" in kind
                else "'Row ' || n"
            )  # fmt: skip
        series = (
            f"(with recursive s(n) as (select 1 union all select n + 1 from s where n < {rows}) select n from s)"
            if lite else f"(select generate_series(1, {rows}) n)"
        )  # fmt: skip
        await connection.execute(
            sa.text(f"insert into {table} ({', '.join(parts)}) select {', '.join(parts.values())} from {series} x")
        )


async def test_core_migrations_killed_on_an_empty_database(
    empty_database_url: str, dialect: str, databases: Any, tmp_path: Path, core: Package, nursery: Any, full: bool
) -> None:
    started, url = perf_counter(), empty_database_url
    (tmp_path / "clean").mkdir()
    clean = databases.empty(dialect, tmp_path / "clean")
    expected = await schemas(clean, core)
    databases.drop(clean)
    outcome = await killed_everywhere(nursery, url, core, 1 if full else 40, expected, {})
    told("core from nothing", dialect, 0, outcome, await hashed(url) == list(expected.values())[-1], started)


async def test_later_core_migrations_killed_on_full_tables(
    empty_database_url: str, dialect: str, databases: Any, tmp_path: Path, core: Package, nursery: Any, full: bool
) -> None:
    started, url, count = perf_counter(), empty_database_url, 1_000_000 if full else 50_000
    (tmp_path / "clean").mkdir()
    clean = databases.empty(dialect, tmp_path / "clean")
    expected = await schemas(clean, core)
    databases.drop(clean)
    await step(url, core)
    await fill(url, "core_company", count)
    rows = await counts(url, ["core_company"])
    outcome = await killed_everywhere(nursery, url, core, 1 if full else 20, expected, rows)
    told("core from its first release", dialect, count, outcome, await hashed(url) == list(expected.values())[-1],
         started)  # fmt: skip


async def test_migration_of_a_big_table_killed_at_every_statement_then_down_and_up(
    empty_database_url: str, dialect: str, databases: Any, tmp_path: Path, big: Package, nursery: Any, full: bool
) -> None:
    started, url, count = perf_counter(), empty_database_url, 1_000_000 if full else 50_000
    (tmp_path / "clean").mkdir()
    clean = databases.empty(dialect, tmp_path / "clean")
    expected = await schemas(clean, big)
    # Undisturbed, the same way down and up again: SQLite words a table anew each time it is copied.
    await migrate.downgrade(clean, big, "-1")
    down = await hashed(clean)
    await migrate.upgrade(clean, (big,))
    again = await hashed(clean)
    databases.drop(clean)
    await step(url, big)
    async with migrate.connected(url) as connection, connection.begin():
        numbers = (
            f"with recursive s(n) as (select 1 union all select n + 1 from s where n < {count}) select n from s"
            if dialect == "sqlite" else f"select generate_series(1, {count}) n"
        )  # fmt: skip
        await connection.execute(
            sa.text(f"insert into big_row (id, name, old) select n, 'Name ' || n, n from ({numbers}) x")
        )
        await connection.execute(sa.text("insert into big_child (id, row_id) select id, id from big_row"))
    rows = await counts(url, ["big_row", "big_child"])
    outcome = await killed_everywhere(nursery, url, big, 1, expected, rows)
    same = await hashed(url) == expected["big_0002"]
    told("a big table, backfill, index, copy", dialect, count, outcome, same, started)
    await migrate.downgrade(url, big, "-1")
    assert await hashed(url) == down
    await migrate.upgrade(url, (big,))
    assert await hashed(url) == again
    assert await counts(url, ["big_row", "big_child"]) == rows


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_long_reader_makes_a_migration_give_up_cleanly_and_nobody_wait_behind_it(
    empty_database_url: str, big: Package
) -> None:
    url = empty_database_url
    await step(url, big)
    before = await hashed(url)
    async with migrate.connected(url) as reader:
        await reader.execute(sa.text("select * from big_row"))
        started = perf_counter()
        with pytest.raises(Exception, match="lock timeout"):
            await migrate.upgrade(url, (big,))
        waited = perf_counter() - started
        assert await hashed(url) == before
        await reader.rollback()
    await migrate.upgrade(url, (big,))
    print(f"F22 postgresql: a migration behind a long reader gave up after {waited:.1f} s, changed nothing, "
          "and ran when the reader had ended")  # fmt: skip
    assert waited < 8
