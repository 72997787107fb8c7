"""Writing a migration from model differences; it runs on both databases whichever it was written on."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from crm_core.db import migrate
from crm_core.db.compare import owner
from crm_core.db.model import Record, folded, foreign, metadata, package_registry
from crm_core.db.packages import Package
from crm_core.db.revise import revision
from crm_core.db.types import Amount, Json, Ratio, UTCDateTime
from crm_core.errors import UserError
from crm_core.testing.migrations import migrations_up_down_up, models_match
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


@pytest.fixture
def gamma(tmp_path):
    """A package with every column type there is; forgotten afterwards."""

    class base(DeclarativeBase):  # noqa: N801 - as good as a variable
        registry = package_registry()

    class Thing(Record, base):
        __tablename__ = "gamma_thing"
        __table_args__ = (
            sa.Index("uq_gamma_thing_code", "code", unique=True, sqlite_where=sa.text("deleted_at is null"),
                     postgresql_where=sa.text("deleted_at is null")),
            sa.CheckConstraint("size >= 0", name="size"),
        )  # fmt: skip
        name: Mapped[str] = mapped_column(sa.String(80))
        name_f: Mapped[str] = folded("name")
        code: Mapped[str | None] = mapped_column(sa.String(20))
        size: Mapped[int] = mapped_column(sa.Integer, default=0)
        big: Mapped[int | None] = mapped_column(sa.BigInteger)
        price: Mapped[Decimal | None] = mapped_column(Amount())
        share: Mapped[Decimal | None] = mapped_column(Ratio())
        day: Mapped[date | None] = mapped_column(sa.Date)
        moment: Mapped[datetime | None] = mapped_column(UTCDateTime())
        extra: Mapped[dict[str, Any] | None] = mapped_column(Json())
        done: Mapped[bool] = mapped_column(sa.Boolean, default=False)
        raw: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
        text: Mapped[str | None] = mapped_column(sa.Text)

    class Part(base):
        __tablename__ = "gamma_part"
        id: Mapped[UUID] = mapped_column(primary_key=True)
        thing_id: Mapped[UUID] = foreign("gamma_thing.id", on_delete="CASCADE", nullable=False)

    yield Package("gamma", "crm_gamma", tmp_path / "gamma" / "versions", "1")
    base.registry.dispose()
    for name in ("gamma_part", "gamma_thing"):
        metadata.remove(metadata.tables[name])


@pytest.fixture
def other_url(dialect, databases, tmp_path):
    (tmp_path / "other").mkdir()
    url = databases.empty("postgresql" if dialect == "sqlite" else "sqlite", tmp_path / "other")
    yield url
    databases.drop(url)


async def test_written_migration_runs_on_both_databases_and_equals_the_models(empty_database_url, other_url, gamma):
    path = await revision(empty_database_url, gamma, "first tables", (gamma,))
    assert path.name == "gamma_0001_first_tables.py"
    assert "types.Amount()" in path.read_text()
    for url in (empty_database_url, other_url):
        await migrations_up_down_up(url, gamma)
        await models_match(url, gamma)


async def test_second_migration_has_the_difference_only(empty_database_url, other_url, gamma):
    url = empty_database_url
    await revision(url, gamma, "first tables", (gamma,))
    await migrate.upgrade(url, (gamma,))
    table = metadata.tables["gamma_thing"]
    table.append_column(sa.Column("nick", sa.String(10)))
    assert await migrate.check(url, (gamma,)) == {"gamma": ["add_column gamma_thing.nick"]}

    path = await revision(url, gamma, "nick names", (gamma,))
    assert path.name == "gamma_0002_nick_names.py"
    text = path.read_text()
    assert "nick" in text
    assert "create_table" not in text
    assert "gamma_part" not in text
    for each in (url, other_url):
        await migrate.upgrade(each, (gamma,))
        await models_match(each, gamma)


async def test_revision_of_a_database_that_is_behind_is_refused(empty_database_url, gamma):
    await revision(empty_database_url, gamma, "first tables", (gamma,))
    with pytest.raises(UserError, match="upgrade"):
        await revision(empty_database_url, gamma, "too early", (gamma,))


async def test_nothing_is_written_when_nothing_differs(empty_database_url, gamma):
    await revision(empty_database_url, gamma, "first tables", (gamma,))
    await migrate.upgrade(empty_database_url, (gamma,))
    with pytest.raises(UserError, match="equal"):
        await revision(empty_database_url, gamma, "nothing", (gamma,))
    assert len(list(gamma.versions.glob("*.py"))) == 1


@pytest.mark.parametrize(
    ("table", "mine"),
    [("quotes_quote", "quotes_"), ("quotes_pro_x", "quotes_pro_"), ("other", ""), ("quotes_prolog", "quotes_")],
)
def test_tables_belong_to_the_longest_prefix(table, mine):
    assert owner(table, ("quotes_", "quotes_pro_")) == mine
