"""How values look to a person: numbers, money, days and instants in a language and a zone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import nh3
from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent
from markupsafe import Markup, escape

from crm_core.entity.fields import Field, Option
from crm_core.i18n import Strings, show
from crm_core.plugin.declare import Ref

_ = Strings("crm_core")
NOTHING = Markup('<span class="empty-value" aria-hidden="true">–</span>')
TONES = (
    "grey", "blue", "indigo", "cyan", "green", "yellow", "orange", "red", "pink", "purple", "violet", "teal", "amber",
)  # fmt: skip
MENTION = re.compile(
    r"@\[(?P<name>[^\[\]\n]{1,255})\]\(user:(?P<id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\)"
)
"""How a long text names a user."""
NUMBERS = ("integer", "decimal", "percent", "money")


Show = Callable[["Display", Any, Any, Any], Markup]


def initials(name: str) -> str:
    """Return one or two letters for an avatar."""
    parts = [p for p in str(name).replace("@", " ").split() if p[:1].isalnum()]
    return ((parts[0][:1] + parts[-1][:1]) if len(parts) > 1 else str(name)[:2]).upper()


def noun(text: str, locale: str) -> str:
    """Return a noun as it stands inside a sentence: small in English, as it is in German."""
    return text[:1].lower() + text[1:] if locale == "en" and not text[:2].isupper() else text


def tone(colour: str) -> str:
    """Return the palette class of a colour name, grey for one we do not have."""
    return f"tone-{colour if colour in TONES else 'grey'}"


@dataclass(slots=True)
class Display:
    """Formats values for one reader. `labels` are titles of linked records, `paths` the URL part by entity."""

    locale: str
    zone: str = "UTC"
    labels: Mapping[Any, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    base: str = ""  # the base currency

    def number(self, value: Any, digits: int | None = None) -> str:
        """Return a number with the language's separators."""
        if value is None or value == "":
            return ""
        pattern = None if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
        return str(format_decimal(Decimal(str(value)), format=pattern, locale=self.locale))

    def money(self, value: Any, currency: str | None = None) -> str:
        """Return an amount with its currency; cents only where there are some."""
        if value is None or value == "":
            return ""
        amount = Decimal(str(value))
        if not currency:
            return self.number(amount, 2)
        whole = amount == amount.to_integral_value()
        pattern = Locale.parse(self.locale).currency_formats["standard"].pattern.replace(".00", "") if whole else None
        shown = format_currency(amount, currency, locale=self.locale, currency_digits=not whole, format=pattern)
        return str(shown)

    def day(self, value: Any) -> str:
        """Return a day in the language's medium form."""
        if value is None or value == "":
            return ""
        found = date.fromisoformat(value[:10]) if isinstance(value, str) else value
        return str(format_date(found, "medium", locale=self.locale))

    def moment(self, value: Any, zone: str = "") -> str:
        """Return an instant in the reader's (or the given) zone."""
        if value is None or value == "":
            return ""
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        return str(format_datetime(found, "medium", tzinfo=ZoneInfo(zone or self.zone), locale=self.locale)).replace(
            ":00 ", " ", 1
        )

    def short(self, value: datetime, zone: str = "") -> str:
        """Return an instant without seconds."""
        local = value.astimezone(ZoneInfo(zone or self.zone))
        return f"{format_date(local, 'medium', locale=self.locale)}, {local:%H:%M}"

    def ago(self, value: Any, now: datetime | None = None) -> str:
        """Return how long ago an instant was, in words."""
        if not value:
            return ""
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        return str(format_timedelta(found - (now or datetime.now(UTC)), add_direction=True, locale=self.locale))

    def percent(self, value: Any) -> str:
        """Return 12.5 as 12.5 %."""
        return str(format_percent(Decimal(str(value)) / 100, format="#,##0.##%", locale=self.locale))

    def cell(self, kind: Field, row: Mapping[str, Any], *, key: str = "") -> Markup:
        """Return the HTML of one field of a record (its API values); escaped, links to linked records."""
        name = key or kind.name
        value = row.get(name)
        if value is None or value == "" or value == []:
            return NOTHING
        shown: Show = _SHOW.get(kind.kind, _plain)
        return shown(self, kind, value, row)

    def text(self, kind: Field, row: Mapping[str, Any]) -> str:
        """Return a field as plain words, for comparing values side by side."""
        value = row.get(kind.name)
        if value is None or value == "" or value == []:
            return ""
        if kind.kind == "link":  # without the initials that stand before a person
            return self.labels.get(f"{getattr(kind, 'target', '')}:{value}") or _("not visible").to(self.locale)
        return self.cell(kind, row).striptags()


def _plain(d: Display, kind: Any, value: Any, row: Any) -> Markup:
    return escape(show(value, d.locale))


def mentioned(text: str) -> Markup:
    """Return a text escaped, with the people named in it as links."""
    parts, last = Markup(), 0
    for m in MENTION.finditer(text):
        parts += escape(text[last : m.start()])
        parts += Markup('<a class="mention" href="/users/{}">@{}</a>').format(m["id"], m["name"])
        last = m.end()
    return parts + escape(text[last:])


def _long(d: Display, kind: Field, value: Any, row: Any) -> Markup:
    return Markup('<div class="prose">{}</div>').format(mentioned(str(value)))


def _rich(d: Display, kind: Field, value: Any, row: Any) -> Markup:
    return Markup('<div class="rich">{}</div>').format(Markup(nh3.clean(str(value))))  # noqa: S704 - cleaned here


def _number(d: Display, kind: Any, value: Any, row: Any) -> Markup:
    if getattr(kind, "in_base", False):
        return Markup('<span class="nowrap">{}</span>').format(d.money(value, d.base))
    if kind.kind == "integer" and abs(int(value)) < 10_000:
        return escape(value)  # no separator in four digits: many of them are years
    return escape(d.number(value))


def _money(d: Display, kind: Field, value: Any, row: Any) -> Markup:
    code = row.get(f"{kind.name}_currency")
    shown = Markup('<span class="nowrap">{}</span>').format(d.money(value, code))
    if code and row.get(f"{kind.name}_base", value) is None:
        shown += Markup(' <span class="muted">({})</span>').format(_("no rate for {currency}", currency=code))
    return shown


def _percent(d: Display, kind: Field, value: Any, row: Any) -> Markup:
    return escape(d.percent(value))


def _date(d: Display, kind: Field, value: Any, row: Any) -> Markup:
    return Markup('<time datetime="{}" class="nowrap">{}</time>').format(str(value), d.day(value))


def _moment(d: Display, kind: Field, value: Any, row: Any) -> Markup:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    zone = str(row.get(getattr(kind, "zone_column", "")) or "")
    other = f" ({zone})" if zone and zone != d.zone else ""
    return Markup('<time datetime="{}" class="nowrap">{}</time>').format(
        found.isoformat(), d.short(found, zone if other else "") + other
    )


def _boolean(d: Display, kind: Field, value: Any, row: Any) -> Markup:
    return escape((_("Yes") if value else _("No")).to(d.locale))


def option_of(kind: Any, value: Any) -> Option | None:
    """Return the declared option of a stored value."""
    return next((o for o in kind.options if o.value == value), None)


def _choice(d: Display, kind: Any, value: Any, row: Any) -> Markup:
    found = option_of(kind, value)
    if found is None:
        return escape(d.labels.get((kind.choices, value), value))
    return Markup('<span class="badge {}">{}</span>').format(tone(found.colour), found.label.to(d.locale))


def _several(d: Display, kind: Any, value: Any, row: Any) -> Markup:
    shown = (_stage(d, kind, v, row) if v in d.stages else _choice(d, kind, v, row) for v in value)
    return Markup('<span class="chips">{}</span>').format(Markup().join(shown))


def _email(d: Display, kind: Field, value: Any, row: Any) -> Markup:
    return Markup('<a href="mailto:{0}">{0}</a>').format(value)


def _phone(d: Display, kind: Field, value: Any, row: Any) -> Markup:
    digits = "".join(c for c in str(value) if c.isdigit() or c == "+")
    return Markup('<a href="tel:{}" class="nowrap">{}</a>').format(digits, value)


def _url(d: Display, kind: Field, value: Any, row: Any) -> Markup:
    if not str(value).startswith(("http://", "https://")):
        return escape(value)
    shown = str(value).partition("://")[2].rstrip("/")
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(value, shown)


def linked(d: Display, entity: str, key: Any) -> Markup:
    """Return a link to a record by its title; what the reader may not see is named as such."""
    title = d.labels.get(Ref(entity, key)) if not isinstance(key, str) else d.labels.get(f"{entity}:{key}")
    if title is None:
        return Markup('<span class="muted">{}</span>').format(_("not visible").to(d.locale))
    shown: Markup | str = title
    if entity == "core.user":
        shown = Markup(
            '<span class="person"><span class="avatar avatar-sm" aria-hidden="true">{}</span>{}</span>'
        ).format(initials(title), title)
    path = d.paths.get(entity)
    return Markup('<a href="/{}/{}">{}</a>').format(path, key, shown) if path else escape(shown)


def _link(d: Display, kind: Any, value: Any, row: Any) -> Markup:
    return linked(d, kind.target, value)


def _any_link(d: Display, kind: Any, value: Any, row: Any) -> Markup:
    ref = value if isinstance(value, Ref) else Ref.parse(str(value))
    return linked(d, ref.entity, ref.id)


def _links(d: Display, kind: Any, value: Any, row: Any) -> Markup:
    return Markup(", ").join(linked(d, kind.target, v) for v in value)


def _tags(d: Display, kind: Any, value: Any, row: Any) -> Markup:
    return Markup('<span class="chips">{}</span>').format(
        Markup().join(Markup('<span class="badge tone-grey">{}</span>').format(v) for v in value)
    )


def _stage(d: Display, kind: Any, value: Any, row: Any) -> Markup:
    name, colour = d.stages.get(str(value), (str(value), "grey"))
    return Markup('<span class="state"><span class="dot {}" aria-hidden="true"></span>{}</span>').format(
        tone(colour), name
    )


def _file(d: Display, kind: Any, value: Any, row: Any) -> Markup:
    return Markup('<a href="/files/{}">{}</a>').format(
        value, d.labels.get(Ref("core.file", value), _("File").to(d.locale))
    )


_SHOW: dict[str, Show] = {
    "long_text": _long, "rich_text": _rich, "integer": _number, "decimal": _number, "money": _money,
    "percent": _percent, "date": _date, "datetime": _moment, "appointment": _moment, "boolean": _boolean,
    "choice": _choice, "multi_choice": _several, "email": _email, "phone": _phone, "url": _url, "link": _link,
    "any_link": _any_link, "links": _links, "tags": _tags, "stage": _stage, "file": _file,
}  # fmt: skip
