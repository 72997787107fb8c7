"""Core's own migrations, and what keeps them complete."""

import re
from pathlib import Path

import pytest
from crm_core.db import migrate, tables
from crm_core.db.packages import packages
from crm_core.testing.migrations import migrations_up_down_up, models_match

import crm_core

HOME = Path(crm_core.__file__).parent


@pytest.fixture
def own(registry):
    return packages(registry)[0]


async def test_core_goes_up_down_and_up_again(empty_database_url, own):
    await migrations_up_down_up(empty_database_url, own)


async def test_models_and_migrations_agree(empty_database_url, own):
    await migrate.upgrade(empty_database_url, (own,))
    await models_match(empty_database_url, own)


def test_every_kernel_module_with_tables_is_imported():
    kernel = [
        p for p in HOME.rglob("*.py") if p.relative_to(HOME).parts[0] not in ("features", "testing", "migrations")
    ]
    found = {
        "crm_core." + ".".join(p.relative_to(HOME).with_suffix("").parts)
        for p in kernel
        if re.search(r"^    __tablename__ = ", p.read_text(), re.MULTILINE)
    }
    assert found - {"crm_core.db.tables"} == set(tables.MODULES)


def test_revisions_are_short_and_named_after_their_package(own):
    for path in own.versions.glob("*.py"):
        revision = re.search(r"""^revision(?:: str)? = ["'](.+)["']""", path.read_text(), re.MULTILINE)
        assert revision is not None, path
        assert len(revision[1]) <= 32
        assert revision[1].startswith("core_")
