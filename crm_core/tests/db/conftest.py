"""Tests of the database layer need core's tables and no plugin."""

import pytest
from crm_core.db import migrate, tables
from crm_core.db.engine import Database


@pytest.fixture
def core():
    tables.import_all()
    return migrate.package("crm_core")


@pytest.fixture
def database_url(dialect, databases, core, tmp_path):
    url = databases.migrated(dialect, tmp_path, (core,))
    yield url
    databases.drop(url)


@pytest.fixture
async def db(database_url):
    made = Database.open(database_url, testing=True)
    yield made
    await made.close()
