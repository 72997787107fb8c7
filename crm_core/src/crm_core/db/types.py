"""Column types that mean the same on SQLite and PostgreSQL.

They override `bind_processor`/`result_processor` and give `None` where the driver already returns
the right value, so that PostgreSQL pays no Python call per value.
"""

from __future__ import annotations

import os
import struct
import time
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_last = 0
_random: list[int] = []  # drawn in advance: asking the system for eight bytes costs more than the rest of a key
os.register_at_fork(after_in_child=_random.clear)


def uuid7() -> UUID:
    """Return a time-ordered id (RFC 9562), monotonic within this process."""
    global _last
    ns = time.time_ns()
    ticks = (ns // 1_000_000 << 12) | ((ns % 1_000_000) * 4096 // 1_000_000)
    _last = ticks = max(ticks, _last + 1)
    try:
        low = _random.pop()
    except IndexError:
        low, *more = struct.unpack("256Q", os.urandom(2048))
        _random.extend(more)
    low &= (1 << 62) - 1
    return UUID(int=((ticks >> 12) << 80) | (7 << 76) | ((ticks & 0xFFF) << 64) | (2 << 62) | low)


def utcnow() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


class Id(sa.types.TypeDecorator[UUID]):
    """A uuid: native on PostgreSQL, a BLOB of 16 bytes on SQLite."""

    impl = sa.LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        return dialect.type_descriptor(sa.Uuid() if dialect.name == "postgresql" else sa.LargeBinary(16))

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        if dialect.name == "postgresql":
            return None
        return lambda v: v.bytes if isinstance(v, UUID) else None if v is None else UUID(str(v)).bytes

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        if dialect.name == "postgresql":
            return None
        return lambda v: None if v is None else UUID(bytes=v)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        return self


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """An instant: aware UTC in Python; refuses naive values. Text on SQLite, sortable as it stands."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        return dialect.type_descriptor(sa.DateTime(timezone=True) if dialect.name == "postgresql" else sa.String(32))

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        sqlite = dialect.name != "postgresql"

        def process(value: datetime | None) -> Any:
            if value is None:
                return None
            if value.tzinfo is None:
                raise ValueError("an instant needs a time zone")
            return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z" if sqlite else value

        return process

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        if dialect.name == "postgresql":
            return None
        parse = datetime.fromisoformat
        return lambda v: None if v is None else parse(v)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        return self


class _Fixed(sa.types.TypeDecorator[Decimal]):
    """A decimal of `digits` fraction digits; an integer of that unit on SQLite, where Numeric is a float."""

    impl = sa.Numeric
    cache_ok = True
    digits = 4
    precision = 19

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.NUMERIC(self.precision, self.digits))
        return dialect.type_descriptor(sa.BigInteger())

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        unit = Decimal(1).scaleb(-self.digits)
        factor = 10**self.digits
        limit = 10 ** (self.precision - self.digits)
        sqlite = dialect.name != "postgresql"

        def process(value: Decimal | int | None) -> Any:
            if value is None:
                return None
            if isinstance(value, float):
                raise TypeError("amounts are Decimal, not float")
            number = Decimal(value)
            if not number.is_finite() or abs(number) >= limit:
                raise ValueError(f"amount out of range: {value}")
            exact = number.quantize(unit, ROUND_HALF_EVEN)
            return int(exact * factor) if sqlite else exact

        return process

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        if dialect.name == "postgresql":
            return None
        digits = self.digits
        return lambda v: None if v is None else Decimal(v).scaleb(-digits)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        return self


class Amount(_Fixed):
    """Money: 15 digits before and 4 after the point, exact on both databases."""

    cache_ok = True


class Ratio(_Fixed):
    """Rates, percentages and unit prices: 6 digits after the point, exact on both databases."""

    digits = 6
    precision = 18
    cache_ok = True


class Json(sa.types.TypeDecorator[Any]):
    """JSON through msgspec: JSONB on PostgreSQL, text on SQLite."""

    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        return dialect.type_descriptor(postgresql.JSONB() if dialect.name == "postgresql" else sa.Text())

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        return lambda v: None if v is None else msgspec.json.encode(v).decode()

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        def process(value: Any) -> Any:
            return msgspec.json.decode(value) if isinstance(value, str | bytes) else value

        return process


ENTITY_NAME = sa.String(64)


def new_id() -> UUID:
    """Return a key for a new row."""
    return uuid7()


__all__ = ["ENTITY_NAME", "Amount", "Id", "Json", "Ratio", "UTCDateTime", "new_id", "utcnow", "uuid7"]
