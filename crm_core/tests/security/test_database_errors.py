"""T25: an error of the database tells no value, in its own text, in the log, and in the error of a job."""

from __future__ import annotations

import logging
import traceback

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.tables import Setting
from crm_core.db.types import new_id, utcnow
from crm_core.kernel import Kernel

MARK = "MARKER-value-of-a-row"
TEST = system("test")


def told(error: BaseException) -> str:
    """Return all that a log would show of an error: its chain with every text."""
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.counted
async def test_error_of_an_insert_does_not_show_the_values(kernel: Kernel) -> None:
    """A row twice, a value too long, a wrong type: what the driver says of each holds the value."""
    table = Setting.__table__
    row = {"scope": "system", "user_id": new_id(), "name": MARK, "value": {"text": MARK}, "updated_at": None}
    statements = [
        (sa.insert(table), [row | {"updated_at": utcnow()}] * 2),
        (sa.insert(table), [row]),
        (sa.text("select cast(:x as integer) / 0 from core_no_such_table"), {"x": MARK}),
        (sa.text("insert into core_no_such_table values (:x)"), {"x": MARK}),
        (sa.text("select cast(:x as json) from core_no_such_table"), {"x": MARK}),
    ]
    shown = []
    for statement, values in statements:
        for engine in (kernel.db.write, kernel.db.read):
            with pytest.raises(sa.exc.DBAPIError) as caught:
                async with engine.connect() as connection:
                    await connection.execute(statement, values)
            shown.append(told(caught.value))
    print(f"T25 {kernel.db.dialect}: {len(shown)} errors of the database, "
          f"{sum(MARK in s for s in shown)} with a value")  # fmt: skip
    assert not [s for s in shown if MARK in s]


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_value_that_the_server_cannot_read_is_not_shown(kernel: Kernel) -> None:
    statements = [
        sa.text("select cast(cast(:x as text) as uuid)"), sa.text("select cast(:x as integer)"),
        sa.text("select cast(cast(:x as text) as date)"), sa.text("select cast(cast(:x as text) as json)"),
    ]  # fmt: skip
    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError) as caught:
            async with kernel.db.write.connect() as connection:
                await connection.execute(statement, {"x": MARK})
        assert MARK not in told(caught.value), statement


async def test_job_that_fails_in_the_database_keeps_no_value_in_its_error_or_the_log(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is translated to
        async with kernel.write(TEST) as uow:
            uow.session.add(Setting(scope="system", user_id=new_id(), name=MARK, value={"text": MARK}))
            await uow.session.flush()
            await uow.session.execute(
                sa.insert(Setting.__table__).from_select(
                    ["scope", "user_id", "name", "value", "updated_at"], sa.select(Setting.__table__)
                )
            )
    logging.getLogger("crm_core").error("failed", exc_info=caught.value)
    assert MARK not in told(caught.value)
    assert MARK not in caplog.text
