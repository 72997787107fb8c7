"""Which column of a file goes where: targets of an entity, guesses by title, and values made of cells."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from crm_core.auth.actor import Actor
from crm_core.entity import fields as f
from crm_core.entity.cells import unshielded
from crm_core.entity.clean import BadValue
from crm_core.entity.folding import words
from crm_core.errors import Invalid
from crm_core.i18n import LOCALES, Strings
from crm_core.plugin.declare import Child, Entity
from crm_core.plugin.registry import Registry

_ = Strings("crm_core")


class UnknownTarget(Invalid):
    """A column is mapped to something the entity does not have, or the actor may not set."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a column goes: `key` of the API, or a field of a child row."""

    name: str
    field: f.Field
    key: str
    child: Child | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One mapped column: its place in the file, its title, its target, and a factor for numbers."""

    index: int
    title: str
    target: Target
    factor: Decimal = Decimal(1)


def targets(registry: Registry, actor: Actor, entity: Entity) -> dict[str, Target]:
    """Return every name a column can be mapped to, for this actor: keys, short names of links, children's fields.

    A short name that is the name of a field is that field's alone, whether the actor may set it or not.
    """
    found: dict[str, Target] = {}
    own = names(registry, entity)
    for field in registry.fields(entity):
        if field.readonly or field.hidden or not actor.may_set(entity.name, field.name):
            continue
        for key in _keys(field):
            target = Target(key, field, key)
            found[key] = target
            if field.kind in ("link", "stage") and key.removesuffix("_id") not in own:
                found[key.removesuffix("_id")] = target
    for child in entity.children:
        if not actor.may_set(entity.name, child.name):
            continue
        for number, field in enumerate(child.fields):
            target = Target(f"{child.name}.{field.name}", field, child.name, child)
            found[target.name] = target
            if number == 0:
                for name in (child.name, child.name.removesuffix("s")):
                    if name not in own:
                        found.setdefault(name, target)
    return found


def names(registry: Registry, entity: Entity) -> set[str]:
    """Return the names of an entity's fields that somebody may import, as the API has them."""
    return {key for field in registry.fields(entity) if not field.readonly and not field.hidden for key in _keys(field)}


def left_out(registry: Registry, actor: Actor, entity: Entity, titles: Iterable[str]) -> list[str]:
    """Return the titles that name a field which cannot be imported, or not by this actor; hidden ones are not told."""
    possible = targets(registry, actor, entity)
    told = {
        key for field in registry.fields(entity) if not field.hidden and actor.may_see(entity.name, field.name)
        for key in _keys(field) if key not in possible
    }  # fmt: skip
    return [title for title in titles if title.strip().lower() in told]


def _keys(field: f.Field) -> tuple[str, ...]:
    if isinstance(field, f.Money):
        return (field.name, f"{field.name}_currency")
    if isinstance(field, f.Appointment):
        return (field.name, field.zone_column)
    return (field.name,)


def guess(registry: Registry, actor: Actor, entity: Entity, titles: Sequence[str]) -> dict[str, str]:
    """Return title -> target name for the columns whose meaning is plain; each target is used once.

    A title that is a field's name is that field, or nothing when the field is not to be imported.
    """
    possible, own = targets(registry, actor, entity), names(registry, entity)
    barred = set(left_out(registry, actor, entity, titles))
    exact = {
        n: t for t in reversed(titles) if (n := t.strip().lower()) in own and n in possible
    }  # the first of several
    found, taken = {title: name for name, title in exact.items()}, set(exact)
    known = _words(possible)
    open_ = [t for t in titles if t.strip().lower() not in own and t not in barred]
    for title in open_:
        plain = known.get(_plain(title))
        if plain is not None and plain not in taken:
            found[title] = plain
            taken.add(plain)
    for title in open_:
        if title in found:
            continue
        near = difflib.get_close_matches(_plain(title)[:60], list(known), n=1, cutoff=0.88)
        if near and known[near[0]] not in taken:
            found[title] = known[near[0]]
            taken.add(known[near[0]])
    return {t: found[t] for t in titles if t in found}


def _words(possible: Mapping[str, Target]) -> dict[str, str]:
    """Return what columns may be called -> target name: names before labels and other words."""
    found: dict[str, str] = {}
    for name, target in possible.items():
        found.setdefault(_plain(name), target.name)
    for target in possible.values():
        for word in (*_labels(target), *target.field.import_names):
            found.setdefault(_plain(word), target.name)
    return found


def _labels(target: Target) -> Iterable[str]:
    label = target.field.label
    return () if target.key.endswith("_currency") else {label.to(locale) for locale in LOCALES}


def _plain(text: str) -> str:
    return " ".join(words(text.replace("_", " ").replace(".", " ")))


def mapped(
    registry: Registry, actor: Actor, entity: Entity, titles: Sequence[str], mapping: Iterable[tuple[str, str]]
) -> list[Column]:
    """Return columns for (title, target) pairs; a target may end in `*FACTOR`. UnknownTarget says what is near."""
    possible = targets(registry, actor, entity)
    places = {title: index for index, title in enumerate(titles)}
    found: list[Column] = []
    for title, wanted in mapping:
        name, _star, factor = wanted.partition("*")
        if title not in places:
            raise UnknownTarget(_("The file has no column {title}.{near}", title=title, near=_near(title, places)))
        if name not in possible:
            raise UnknownTarget(
                _(
                    "{label} has no field {name} to import.{near}",
                    label=entity.label,
                    name=name,
                    near=_near(name, possible),
                )
            )
        try:
            number = Decimal(factor) if factor else Decimal(1)
        except InvalidOperation as error:
            raise UnknownTarget(_("{factor} is not a number.", factor=factor)) from error
        found.append(Column(places[title], title, possible[name], number))
    _single(found)
    return sorted(found, key=lambda c: c.index)


def _single(columns: list[Column]) -> None:
    seen: set[str] = set()
    for column in columns:
        name = column.target.name
        if name in seen and column.target.child is None:
            raise UnknownTarget(_("Two columns go to {name}.", name=name))
        seen.add(name)


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=3)
    return f" {_('Did you mean {near}?', near=', '.join(near))}" if near else ""


class Cells:
    """Turns cells into what the API takes: trims, undoes the export's shield, reads numbers and days.

    A point or a comma before the last one to three digits is decided by each number itself; a day with
    slashes needs `day_first` when it is ambiguous.
    """

    def __init__(self, zone: str, day_first: bool | None = None) -> None:
        self.zone = ZoneInfo(zone)
        self.day_first = day_first

    def value(self, column: Column, cell: Any) -> Any:
        """Return the value of a cell, None when it is empty; BadValue when it cannot be read."""
        if isinstance(cell, str):
            cell = unshielded(cell.strip())
            if cell == "":
                return None
        if cell is None:
            return None
        kind = column.target.field.kind
        if column.target.key.endswith("_currency") and kind == "money":
            return str(cell)
        if kind == "appointment" and column.target.key != column.target.field.name:
            return str(cell)  # its zone
        if kind in ("integer", "decimal", "percent", "money"):
            number = self.number(cell) * column.factor
            return int(number) if kind == "integer" and number == int(number) else number
        if kind == "date":
            return self.day(cell)
        if kind in ("datetime", "appointment"):
            return self.instant(cell)
        if kind == "boolean" and isinstance(cell, bool):
            return cell
        if kind in ("multi_choice", "links", "tags"):  # as an export has them, or as people write them
            return [part.strip() for part in re.split("[;,]", str(cell)) if part.strip()]
        if isinstance(cell, datetime | date):
            return cell.isoformat()
        return cell if isinstance(cell, str) else str(cell)

    def number(self, cell: Any) -> Decimal:
        """Return a number written with any of the usual separators."""
        if isinstance(cell, int | Decimal) and not isinstance(cell, bool):
            return Decimal(cell)
        text = re.sub(r"[\s\u00a0\u202f'’_€$£%]", "", str(cell))
        if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?", text) and ("," in text or text.count(".") > 1):
            text = text.replace(".", "").replace(",", ".")
        elif re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", text):
            text = text.replace(",", "")
        elif re.fullmatch(r"[+-]?\d+,\d+", text):
            text = text.replace(",", ".")
        try:
            number = Decimal(text)
        except InvalidOperation as error:
            raise BadValue(_("This must be a number.")) from error
        if not number.is_finite():
            raise BadValue(_("This must be a number."))
        return number

    def day(self, cell: Any) -> date:
        """Return a day: 2026-05-31, 31.05.2026, or with slashes."""
        if isinstance(cell, datetime):
            return cell.date()
        if isinstance(cell, date):
            return cell
        text = str(cell)
        for pattern in ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d"):
            try:
                return datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a day has no zone
            except ValueError:
                continue
        if (found := re.fullmatch(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})", text)) is not None:
            return self._slashed(*(int(g) for g in found.groups()))
        if re.match(r"\d{4}-\d{2}-\d{2}[T ]", text):
            return self.instant(text).astimezone(self.zone).date()
        raise BadValue(_("This must be a date such as 2026-05-31."))

    def _slashed(self, one: int, two: int, year: int) -> date:
        first = self.day_first
        if first is None:
            if one <= 12 and two <= 12 and one != two:
                raise BadValue(_("Day or month first? This date can be read both ways."))
            first = one > 12
        try:
            return date(year, two, one) if first else date(year, one, two)
        except ValueError as error:
            raise BadValue(_("This must be a date such as 2026-05-31.")) from error

    def instant(self, cell: Any) -> datetime:
        """Return an instant; a time without a zone is the importer's."""
        if isinstance(cell, str):
            try:
                cell = datetime.fromisoformat(cell)
            except ValueError:
                cell = self.day(cell)
        if isinstance(cell, datetime):
            return (cell if cell.tzinfo else cell.replace(tzinfo=self.zone)).astimezone(UTC)
        return datetime(cell.year, cell.month, cell.day, tzinfo=self.zone).astimezone(UTC)
