"""Migrations of several packages, with hand-written packages `alpha` and `beta`."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from time import sleep

import pytest
import sqlalchemy as sa
from crm_core.db import migrate
from crm_core.db.backup import BACKUPS
from crm_core.db.orphans import orphans, purge_orphan
from crm_core.db.packages import Package
from crm_core.errors import StartupError, UserError
from crm_core.testing.migrations import migrations_up_down_up, schema

only_sqlite = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)

ALPHA_1 = """
op.create_table("alpha_parent", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50)))
"""
ALPHA_2 = """
with op.batch_alter_table("alpha_parent") as table:
    table.alter_column("name", existing_type=sa.String(50), type_=sa.String(90), nullable=False)
"""
BETA_1 = """
op.create_table(
    "beta_child",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent_id", sa.Integer, sa.ForeignKey("alpha_parent.id", ondelete="CASCADE"), nullable=False),
)
"""
CORE_1 = """
op.create_table(
    "core_plugin",
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("package", sa.String(128), nullable=False),
    sa.Column("table_prefix", sa.String(64), nullable=False),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("updated_at", types.UTCDateTime(), nullable=False),
)
"""


@pytest.fixture
def make(tmp_path):
    """Write a package with one revision file per (up, down) pair."""

    def package(name, *steps):
        versions = tmp_path / name / "migrations" / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        for number, (up, down) in enumerate(steps, 1):
            below = f"{name}_{number - 1:04}" if number > 1 else None
            (versions / f"{name}_{number:04}_step.py").write_text(
                "import os, time\nimport sqlalchemy as sa\nfrom alembic import op\nfrom crm_core.db import types\n"
                f"revision = '{name}_{number:04}'\ndown_revision = {below!r}\n"
                f"def upgrade():\n    pass\n{textwrap.indent(up, '    ')}\n"
                f"def downgrade():\n    pass\n{textwrap.indent(down, '    ')}\n"
            )
        return Package(name, f"crm_{name}", versions, "1.0")

    return package


@pytest.fixture
def alpha(make):
    return make("alpha", (ALPHA_1, 'op.drop_table("alpha_parent")'))


@pytest.fixture
def beta(make):
    return make("beta", (BETA_1, 'op.drop_table("beta_child")'))


async def rows(url, sql):
    async with migrate.connected(url) as connection:
        result = await connection.execute(sa.text(sql))
        found = [tuple(r) for r in result] if result.returns_rows else []
        await connection.commit()
        return found


async def test_packages_are_upgraded_each_in_its_own_version_table(empty_database_url, alpha, beta):
    url = empty_database_url
    assert await migrate.upgrade(url, (alpha, beta)) == ["alpha_0001", "beta_0001"]
    assert await migrate.upgrade(url, (alpha, beta)) == []
    states = await migrate.status(url, (alpha, beta))
    assert [(s.current, s.head, s.behind) for s in states] == [
        ("alpha_0001", "alpha_0001", False),
        ("beta_0001", "beta_0001", False),
    ]
    assert await rows(url, "select version_num from alembic_version_beta") == [("beta_0001",)]


async def test_a_plugin_that_comes_later_does_not_touch_the_others(empty_database_url, alpha, beta):
    await migrate.upgrade(empty_database_url, (alpha,))
    assert await migrate.upgrade(empty_database_url, (alpha, beta)) == ["beta_0001"]


async def test_up_down_up_gives_the_same_tables(empty_database_url, alpha, beta):
    await migrations_up_down_up(empty_database_url, beta, (alpha,))


async def test_downgrade_that_forgets_something_is_found(empty_database_url, make):
    careless = make("alpha", (ALPHA_1, "pass"))
    with pytest.raises(AssertionError, match="alpha_parent"):
        await migrations_up_down_up(empty_database_url, careless)


async def test_batch_alter_keeps_the_rows_of_child_tables(empty_database_url, make, alpha, beta):
    """With foreign keys on, SQLite's batch ALTER drops the parent and the cascade silently empties the child."""
    url = empty_database_url
    await migrate.upgrade(url, (alpha, beta))
    await rows(url, "insert into alpha_parent (id, name) values (1, 'a')")
    await rows(url, "insert into beta_child (id, parent_id) values (7, 1)")
    longer = make("alpha", (ALPHA_1, 'op.drop_table("alpha_parent")'), (ALPHA_2, "pass"))
    assert await migrate.upgrade(url, (longer, beta)) == ["alpha_0002"]
    assert await rows(url, "select id, parent_id from beta_child") == [(7, 1)]
    assert await rows(url, "select name from alpha_parent") == [("a",)]


async def test_a_failing_migration_changes_nothing(empty_database_url, make):
    url = empty_database_url
    bad = "op.create_table('alpha_x', sa.Column('id', sa.Integer, primary_key=True))\n"
    bad += "op.execute(\"insert into alpha_parent (id, name) values (1, 'half')\")\nraise RuntimeError('in the middle')"
    broken = make("alpha", (ALPHA_1, "pass"), (bad, "pass"))
    with pytest.raises(RuntimeError, match="in the middle"):
        await migrate.upgrade(url, (broken,))
    assert list(await schema(url)) == ["alpha_parent"]
    assert await rows(url, "select * from alpha_parent") == []
    assert await rows(url, "select version_num from alembic_version_alpha") == [("alpha_0001",)]
    mended = make("alpha", (ALPHA_1, "pass"), (bad.rpartition("\n")[0], "pass"))
    assert await migrate.upgrade(url, (mended,)) == ["alpha_0002"]


@only_sqlite
async def test_a_migration_that_leaves_links_to_nothing_is_refused(empty_database_url, make, alpha, beta):
    url = empty_database_url
    await migrate.upgrade(url, (alpha, beta))
    await rows(url, "insert into alpha_parent (id, name) values (1, 'a')")
    await rows(url, "insert into beta_child (id, parent_id) values (7, 1)")
    careless = make("alpha", (ALPHA_1, "pass"), ('op.execute("delete from alpha_parent")', "pass"))
    with pytest.raises(StartupError, match="alpha_0002"):
        await migrate.upgrade(url, (careless,))
    assert len(await rows(url, "select * from alpha_parent")) == 1


async def test_database_newer_than_the_code_is_refused_with_advice(empty_database_url, make, alpha):
    url = empty_database_url
    await migrate.upgrade(url, (make("alpha", (ALPHA_1, "pass"), ("pass", "pass")),))
    (alpha.versions / "alpha_0002_step.py").unlink()
    assert (await migrate.status(url, (alpha,)))[0].unknown
    with pytest.raises(StartupError, match="newer"):
        await migrate.upgrade(url, (alpha,))


async def test_gone_plugin_is_reported_and_others_go_on(empty_database_url, make, alpha):
    url = empty_database_url
    core = make("core", (CORE_1, "pass"))
    gone = make("gone", ("op.create_table('gone_thing', sa.Column('id', sa.Integer, primary_key=True))", "pass"))
    near = make("gone_not", ("op.create_table('gone_not_x', sa.Column('id', sa.Integer, primary_key=True))", "pass"))
    await migrate.upgrade(url, (core, alpha, gone, near))
    await rows(url, "insert into gone_thing (id) values (1), (2)")

    present = (core, alpha, near)
    assert await migrate.upgrade(url, present) == []
    (left,) = await orphans(url, present)
    assert (left.name, left.package, left.version, left.installed) == ("gone", "crm_gone", "1.0", False)
    assert left.tables == (("gone_thing", 2),)

    await purge_orphan(url, "gone", present)
    assert await orphans(url, present) == []
    assert set(await schema(url)) == {"core_plugin", "alpha_parent", "gone_not_x"}


async def test_orphan_of_a_database_without_core_tables_is_found_by_its_version_table(empty_database_url, alpha, beta):
    await migrate.upgrade(empty_database_url, (alpha, beta))
    assert [o.name for o in await orphans(empty_database_url, (alpha,))] == ["beta"]


async def test_installed_packages_are_not_purged_as_orphans(empty_database_url, alpha):
    await migrate.upgrade(empty_database_url, (alpha,))
    with pytest.raises(UserError, match="installed"):
        await purge_orphan(empty_database_url, "alpha", (alpha,))
    with pytest.raises(UserError, match="nothing of"):
        await purge_orphan(empty_database_url, "never", (alpha,))


async def test_purge_takes_tables_and_version_away_and_reinstalling_starts_anew(empty_database_url, alpha, beta):
    url = empty_database_url
    await migrate.upgrade(url, (alpha, beta))
    await migrate.purge(url, beta)
    assert list(await schema(url)) == ["alpha_parent"]
    assert await orphans(url, (alpha,)) == []
    assert await migrate.upgrade(url, (alpha, beta)) == ["beta_0001"]


async def test_downgrade_to_an_unknown_revision_says_so(empty_database_url, alpha):
    await migrate.upgrade(empty_database_url, (alpha,))
    with pytest.raises(UserError):
        await migrate.downgrade(empty_database_url, alpha, "alpha_9999")


async def test_status_of_a_missing_file_does_not_make_it(alpha, tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'none.db'}"
    assert (await migrate.status(url, (alpha,)))[0].behind
    assert not (tmp_path / "none.db").exists()


@only_sqlite
async def test_backup_is_a_whole_database_and_old_ones_go(empty_database_url, alpha, tmp_path):
    assert migrate.backup(empty_database_url, tmp_path / "backups") is None
    await migrate.upgrade(empty_database_url, (alpha,))
    await rows(empty_database_url, "insert into alpha_parent (id, name) values (1, 'a')")
    copies = [migrate.backup(empty_database_url, tmp_path / "backups") for _ in range(BACKUPS + 2)]
    assert await rows(f"sqlite+aiosqlite:///{copies[-1]}", "select name from alpha_parent") == [("a",)]
    assert sorted((tmp_path / "backups").iterdir()) == sorted(copies[2:])


PROGRAM = """
import asyncio, sys
from pathlib import Path
from crm_core.db import migrate
from crm_core.db.packages import Package
url, name, versions = sys.argv[1:]
print("up", flush=True)
print(*asyncio.run(migrate.upgrade(url, (Package(name, "crm_" + name, Path(versions)),))), flush=True)
"""


def start(url, package):
    command = [sys.executable, "-c", PROGRAM, url, package.name, str(package.versions)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def test_upgrades_at_once_run_each_migration_once(empty_database_url, make):
    slow = "time.sleep(0.2)\n"
    package = make("alpha", (slow + ALPHA_1, "pass"), (slow + ALPHA_2, "pass"))
    running = [start(empty_database_url, package) for _ in range(3)]
    said = [await asyncio.to_thread(p.communicate) for p in running]
    assert [p.returncode for p in running] == [0, 0, 0]
    assert sorted(" ".join(out.split()[1:]) for out, _ in said if out.split()[1:]) in (
        ["alpha_0001 alpha_0002"],
        ["alpha_0001", "alpha_0002"],
    )


@pytest.mark.faults
async def test_killed_migration_reaches_the_same_tables_when_run_again(empty_database_url, databases, make, tmp_path):
    steps = []
    for number in range(1, 6):
        up = f"op.create_table('alpha_t{number}', sa.Column('id', sa.Integer, primary_key=True))\ntime.sleep(0.03)\n"
        up += f"op.bulk_insert(sa.table('alpha_t{number}', sa.column('id')), [dict(id=n) for n in range(500)])\n"
        up += f"time.sleep(0.03)\nop.create_index('ix_alpha_t{number}', 'alpha_t{number}', ['id'])"
        steps.append((up, "pass"))
    package = make("alpha", *steps)
    kills = 0
    for delay in (0.05, 0.12, 0.2):
        process = start(empty_database_url, package)
        assert process.stdout is not None
        process.stdout.readline()
        sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        process.stdout.close()
    assert kills >= 2
    await migrate.upgrade(empty_database_url, (package,))
    found = await schema(empty_database_url)
    assert sorted(found) == [f"alpha_t{n}" for n in range(1, 6)]
    assert all([i["name"] for i in t["indexes"]] == [f"ix_{name}"] for name, t in found.items())
    for name in found:
        assert await rows(empty_database_url, f"select count(*) from {name}") == [(500,)]
