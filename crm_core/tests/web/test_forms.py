"""What is typed into a form becomes API values, and back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from crm_core.entity import fields as f
from crm_core.errors import Invalid
from crm_core.i18n import Text
from crm_core.plugin.declare import Child
from crm_core.web.forms import Form, Rows
from crm_core.web.inputs import Input
from crm_core.web.struct_forms import read_struct, struct_fields
from litestar.datastructures import FormMultiDict

T = lambda words: Text("crm_core", words)  # noqa: E731


def posted(*pairs: tuple[str, Any]) -> FormMultiDict:
    return FormMultiDict(pairs)


def form(*fields: f.Field, locale: str = "en", zone: str = "Europe/Berlin", children: tuple[Child, ...] = ()) -> Form:
    return Form([Input(x, x.name) for x in fields], [Rows(c) for c in children], locale, zone)


@pytest.mark.parametrize(
    ("locale", "typed", "value"),
    [("de", "1.234,50", "1234.50"), ("en", "1,234.50", "1234.50"), ("de", "1234.5", "1234.5"), ("de", "0,5", "0.5")],
)
def test_numbers_are_read_as_the_language_writes_them(locale: str, typed: str, value: str) -> None:
    made = form(f.Decimal("x", T("X")), locale=locale)
    assert made.read(posted(("x", typed))) == {"x": Decimal(value)}
    assert made.ok


def test_money_has_its_currency_and_none_without_an_amount() -> None:
    made = form(f.Money("amount", T("Amount")))
    assert made.read(posted(("amount", "10"), ("amount_currency", "eur"))) == {
        "amount": Decimal(10),
        "amount_currency": "EUR",
    }
    assert made.read(posted(("amount", ""), ("amount_currency", "EUR"))) == {"amount": None, "amount_currency": None}


def test_wall_time_is_read_in_the_readers_zone_and_shown_there() -> None:
    made = form(f.DateTime("at", T("At")))
    values = made.read(posted(("at", "2026-07-01T14:00")))
    assert values["at"] == datetime(2026, 7, 1, 12, tzinfo=UTC)
    made.show(values)
    assert made.inputs[0].raw == "2026-07-01T14:00"


def test_appointment_keeps_its_own_zone() -> None:
    made = form(f.Appointment("starts_at", T("Starts")))
    values = made.read(posted(("starts_at", "2026-01-10T09:00"), ("zone", "America/New_York")))
    assert values == {"starts_at": datetime(2026, 1, 10, 14, tzinfo=UTC), "zone": "America/New_York"}


def test_unticked_boxes_and_missing_lists_are_values_too() -> None:
    made = form(f.Boolean("active", T("Active")), f.Tags("tags", T("Tags")))
    assert made.read(posted()) == {"active": False, "tags": []}
    assert made.read(posted(("active", "1"), ("tags", "a"), ("tags__text", "b, c"))) == {
        "active": True,
        "tags": ["a", "b", "c"],
    }


def test_first_bad_field_gets_the_focus_and_every_bad_one_its_text() -> None:
    made = form(f.Text("name", T("Name"), required=True), f.Email("email", T("E-mail")), f.Date("day", T("Day")))
    made.read(posted(("name", " "), ("email", "nobody"), ("day", "2026-01-02")))
    assert set(made.errors) == {"name", "email"}
    assert [i.name for i in made.inputs if i.focus] == ["name"]
    assert made.inputs[1].raw == "nobody"


def test_errors_of_fields_that_are_not_in_the_form_are_said_above_it() -> None:
    made = form(f.Text("name", T("Name")))
    made.add(Invalid(T("Not acceptable."), fields={"secret": T("is wrong"), "name": T("is short")}))
    assert str(made.general) == "is wrong"
    assert str(made.errors["name"]) == "is short"


def test_child_lines_keep_their_order_and_empty_ones_are_dropped() -> None:
    child = Child(
        name="emails",
        model=object,
        foreign_key="x",
        label=T("E-mails"),
        fields=(f.Email("address", T("E-mail"), required=True), f.Text("kind", T("Kind"), default="work")),
    )
    made = form(children=(child,))
    values = made.read(
        posted(
            ("emails-row", "2"),
            ("emails-2-address", "b@example.com"),
            ("emails-2-kind", "work"),
            ("emails-row", "0"),
            ("emails-0-address", ""),
            ("emails-0-kind", "work"),
            ("emails-row", "1"),
            ("emails-1-address", "bad"),
            ("emails-1-kind", "work"),
        )
    )
    assert [v.get("address") for v in values["emails"]] == ["b@example.com", None]
    assert list(made.errors) == ["emails-1-address"]


class Sample(msgspec.Struct, kw_only=True):
    day: date
    count: int = 3
    ready: bool = False
    note: str | None = None


def test_struct_becomes_a_form_and_comes_back() -> None:
    fields = struct_fields(Sample)
    assert [x.kind for x in fields] == ["date", "integer", "boolean", "text"]
    assert [x.required for x in fields] == [True, False, False, False]
    made = Form([Input(x, x.name) for x in fields])
    value = read_struct(made, posted(("day", "2026-03-01"), ("count", "7"), ("note", "")), Sample)
    assert value == Sample(day=date(2026, 3, 1), count=7, ready=False, note=None)


def test_struct_that_does_not_fit_gives_no_value_but_errors() -> None:
    made = Form([Input(x, x.name) for x in struct_fields(Sample)])
    assert read_struct(made, posted(("count", "many")), Sample) is None
    assert set(made.errors) == {"day", "count"}
