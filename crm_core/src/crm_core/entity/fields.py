"""Field types: what a value is in Python, in the API, in a form, in a filter and in a file.

A `Field` binds by name to the attribute of the entity's model (or `column`). It holds no behaviour
of a web page; templates choose a widget by `kind`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal as PyDecimal
from typing import Any, ClassVar
from uuid import UUID

from crm_core.i18n import Text as Words

Readable = Callable[[Any], Any]  # actor -> SQL condition on the row


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One value of a choice: stored `value`, shown `label`, palette class `colour`; archived: no longer offered."""

    value: str
    label: Words
    colour: str = "grey"
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entity.

    name: attribute of the model, key in the API, part of "<entity>.<name>" in rights.
    required: must not be empty in forms and API. readonly: set by code only. hidden: never in forms.
    personal: holds data about a person (export and erase walk these).
    filterable/sortable: appears in filters, is a sort key (sortable text needs the `_f` twin).
    search: weight "A" (title) or "B" (body) in the full-text index, "" for none.
    readable: function of the actor giving an SQL condition on the row, where the value may be read.
    """

    name: str
    label: Words
    required: bool = field(default=False, kw_only=True)
    readonly: bool = field(default=False, kw_only=True)
    hidden: bool = field(default=False, kw_only=True)
    personal: bool = field(default=False, kw_only=True)
    filterable: bool = field(default=True, kw_only=True)
    sortable: bool = field(default=False, kw_only=True)
    search: str = field(default="", kw_only=True)
    unique: bool = field(default=False, kw_only=True)
    default: Any = field(default=None, kw_only=True)
    help: Words | None = field(default=None, kw_only=True)
    group: str = field(default="", kw_only=True)  # heading in forms and on the record page
    readable: Readable | None = field(default=None, kw_only=True)
    import_names: tuple[str, ...] = field(default=(), kw_only=True)  # column titles guessed on import
    in_form: bool = field(default=True, kw_only=True)  # False: a page of its own edits it

    kind: ClassVar[str] = "text"
    python: ClassVar[Any] = str  # the type in msgspec structs, without None
    operators: ClassVar[tuple[str, ...]] = ("is", "is_not", "in", "not_in", "empty", "not_empty")

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the model attributes that hold the value."""
        return (self.name,)


_TEXT_OPS = (
    "is", "is_not", "in", "not_in", "starts_with", "has_word", "contains", "gt", "gte", "lt", "lte", "empty",
    "not_empty",
)  # fmt: skip
_RANGE_OPS = ("is", "is_not", "in", "not_in", "gt", "gte", "lt", "lte", "between", "empty", "not_empty")
_TIME_OPS = (*_RANGE_OPS, "within")


@dataclass(frozen=True, slots=True)
class Text(Field):
    """One line of text, at most `length` characters; `normal` gives what is kept of it, None when it cannot be."""

    length: int = field(default=255, kw_only=True)
    normal: Callable[[str], str | None] | None = field(default=None, kw_only=True)
    kind: ClassVar[str] = "text"
    operators: ClassVar[tuple[str, ...]] = _TEXT_OPS


@dataclass(frozen=True, slots=True)
class LongText(Field):
    """Several lines of plain text, at most `length` characters."""

    length: int = field(default=50_000, kw_only=True)
    kind: ClassVar[str] = "long_text"
    operators: ClassVar[tuple[str, ...]] = ("has_word", "contains", "empty", "not_empty")


@dataclass(frozen=True, slots=True)
class RichText(LongText):
    """HTML cleaned with nh3 on the way in."""

    kind: ClassVar[str] = "rich_text"


@dataclass(frozen=True, slots=True)
class Integer(Field):
    """A whole number of 53 bits, so that JavaScript reads it right."""

    minimum: int | None = field(default=None, kw_only=True)
    maximum: int | None = field(default=None, kw_only=True)
    kind: ClassVar[str] = "integer"
    python: ClassVar[Any] = int
    operators: ClassVar[tuple[str, ...]] = _RANGE_OPS


@dataclass(frozen=True, slots=True)
class Decimal(Field):
    """An exact decimal; `digits` after the point (4: `Amount`, 6: `Ratio` column). in_base: money in base currency."""

    digits: int = field(default=4, kw_only=True)
    in_base: bool = field(default=False, kw_only=True)
    minimum: PyDecimal | None = field(default=None, kw_only=True)
    maximum: PyDecimal | None = field(default=None, kw_only=True)
    kind: ClassVar[str] = "decimal"
    python: ClassVar[Any] = PyDecimal
    operators: ClassVar[tuple[str, ...]] = _RANGE_OPS


@dataclass(frozen=True, slots=True)
class Percent(Decimal):
    """A percentage, 0 to 100 unless bounds say otherwise (`Ratio` column)."""

    digits: int = field(default=2, kw_only=True)
    kind: ClassVar[str] = "percent"


@dataclass(frozen=True, slots=True)
class Money(Field):
    """An amount with its currency: model columns `<name>`, `<name>_currency`, `<name>_base`.

    The base amount is set by core from the rate of `date_field`'s day (today when empty) and is what
    filters, sorts and sums use. In the API the field is two keys, `<name>` and `<name>_currency`;
    `<name>_base` is readonly. minimum: the least amount, in whatever currency.
    """

    date_field: str | None = field(default=None, kw_only=True)
    minimum: PyDecimal | None = field(default=None, kw_only=True)
    kind: ClassVar[str] = "money"
    python: ClassVar[Any] = PyDecimal
    operators: ClassVar[tuple[str, ...]] = _RANGE_OPS

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.name, f"{self.name}_currency", f"{self.name}_base")


@dataclass(frozen=True, slots=True)
class Date(Field):
    """A day; never passes through UTC."""

    kind: ClassVar[str] = "date"
    python: ClassVar[Any] = date
    operators: ClassVar[tuple[str, ...]] = _TIME_OPS


@dataclass(frozen=True, slots=True)
class DateTime(Field):
    """An instant, aware UTC; shown in the reader's zone."""

    kind: ClassVar[str] = "datetime"
    python: ClassVar[Any] = datetime
    operators: ClassVar[tuple[str, ...]] = _TIME_OPS


@dataclass(frozen=True, slots=True)
class Appointment(Field):
    """Wall time in an IANA zone: columns `<name>` (derived UTC instant) and `zone_column`.

    In the API the value is an instant with offset, and the zone is the key `zone_column`.
    """

    zone_column: str = field(default="zone", kw_only=True)
    kind: ClassVar[str] = "appointment"
    python: ClassVar[Any] = datetime
    operators: ClassVar[tuple[str, ...]] = _TIME_OPS

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.name, self.zone_column)


@dataclass(frozen=True, slots=True)
class Boolean(Field):
    """Yes or no; never null in the model."""

    kind: ClassVar[str] = "boolean"
    python: ClassVar[Any] = bool
    operators: ClassVar[tuple[str, ...]] = ("is", "is_not")


@dataclass(frozen=True, slots=True)
class Choice(Field):
    """One of fixed options, or of `choices`: async (uow, record or None) -> (value, label) pairs; `validate` checks."""

    options: tuple[Option, ...] = field(default=(), kw_only=True)
    choices: Callable[[Any, Any], Any] | None = field(default=None, kw_only=True)
    kind: ClassVar[str] = "choice"


@dataclass(frozen=True, slots=True)
class MultiChoice(Field):
    """Several of fixed options, a JSON list in the model.

    choices: async (uow, record or None) -> (value, label) pairs only known at run time; `validate` checks them.
    """

    options: tuple[Option, ...] = field(default=(), kw_only=True)
    choices: Callable[[Any, Any], Any] | None = field(default=None, kw_only=True)
    kind: ClassVar[str] = "multi_choice"
    python: ClassVar[Any] = list[str]
    operators: ClassVar[tuple[str, ...]] = ("has_any", "has_all", "has_none", "empty", "not_empty")


@dataclass(frozen=True, slots=True)
class Email(Text):
    """An e-mail address; stored as typed, compared folded."""

    kind: ClassVar[str] = "email"


@dataclass(frozen=True, slots=True)
class Phone(Text):
    """A phone number as typed; compared by its digits."""

    kind: ClassVar[str] = "phone"


@dataclass(frozen=True, slots=True)
class Url(Text):
    """An http or https address."""

    length: int = field(default=2000, kw_only=True)
    kind: ClassVar[str] = "url"


@dataclass(frozen=True, slots=True)
class Link(Field):
    """A reference to one record of `target` (an entity name); a foreign key column `<name>` of the model.

    The name ends in `_id` ("company_id"); without it, it is the relation ("company") in filter paths,
    `expand` and templates. Every link makes the reverse relation on the target, named `reverse` ("deals");
    empty for none.
    on_merge: "move" or "keep"; on_erase: "clear", "delete" or "keep".
    """

    target: str = field(default="", kw_only=True)
    reverse: str = field(default="", kw_only=True)
    reverse_label: Words | None = field(default=None, kw_only=True)
    on_merge: str = field(default="move", kw_only=True)
    on_erase: str = field(default="clear", kw_only=True)
    kind: ClassVar[str] = "link"
    python: ClassVar[Any] = UUID

    @property
    def relation(self) -> str:
        """Return the name of the relation in paths: "company" for "company_id"."""
        return self.name.removesuffix("_id")


@dataclass(frozen=True, slots=True)
class AnyLink(Field):
    """A `Ref`: model columns `<name>_entity` and `<name>_id`, no foreign key; API value "core.deal:<id>"."""

    targets: tuple[str, ...] = field(default=(), kw_only=True)  # empty: any entity
    kind: ClassVar[str] = "any_link"
    python: ClassVar[Any] = str

    @property
    def columns(self) -> tuple[str, ...]:
        return (f"{self.name}_entity", f"{self.name}_id")


@dataclass(frozen=True, slots=True)
class Links(Field):
    """Several records of `target` through the association `table` (columns `owner`, `item`)."""

    target: str = field(default="", kw_only=True)
    table: str = field(default="", kw_only=True)
    owner: str = field(default="", kw_only=True)
    item: str = field(default="", kw_only=True)
    on_erase: str = field(default="clear", kw_only=True)
    kind: ClassVar[str] = "links"
    python: ClassVar[Any] = list[UUID]
    operators: ClassVar[tuple[str, ...]] = ("has_any", "has_all", "has_none", "empty", "not_empty")

    @property
    def columns(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Tags(Field):
    """Names from the shared tag list; stored in `core_tagging`."""

    kind: ClassVar[str] = "tags"
    python: ClassVar[Any] = list[str]
    operators: ClassVar[tuple[str, ...]] = ("has_any", "has_all", "has_none", "empty", "not_empty")

    @property
    def columns(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class File(Field):
    """One uploaded file (`core_file.id`) of at most `limit` bytes; `accept` names media types, none for all."""

    accept: tuple[str, ...] = field(default=(), kw_only=True)
    limit: int = field(default=25 * 2**20, kw_only=True)
    kind: ClassVar[str] = "file"
    python: ClassVar[Any] = UUID
    operators: ClassVar[tuple[str, ...]] = ("empty", "not_empty")


@dataclass(frozen=True, slots=True)
class Stage(Field):
    """A stage row of `table` ("core_stage"); changed only through `move_stage()` and on creation.

    `group_field` names the link that selects the set of stages (a deal's pipeline). Kept by moves:
    `entered_field` (instant of the last move), `opened_field` and `closed_field` (days on which the
    record left its first stage and reached a closed one). `reason_fields` tell why a record is lost: a lost
    stage needs one of them, and leaving it empties them.
    """

    table: str = field(default="core_stage", kw_only=True)
    group_field: str = field(default="", kw_only=True)
    entered_field: str = field(default="", kw_only=True)
    opened_field: str = field(default="", kw_only=True)
    closed_field: str = field(default="", kw_only=True)
    reason_fields: tuple[str, ...] = field(default=(), kw_only=True)
    kind: ClassVar[str] = "stage"
    python: ClassVar[Any] = UUID
