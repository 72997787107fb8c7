"""Forms for msgspec Structs: settings and the parameters of actions."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from litestar import Request

from crm_core.entity import fields as f
from crm_core.i18n import Strings, Text
from crm_core.uow import UnitOfWork
from crm_core.web.choices import LISTS, named_options
from crm_core.web.forms import Form
from crm_core.web.inputs import Input, Posted
from crm_core.web.page import FormInvalid, Page
from crm_core.web.views import fill_options

_ = Strings("crm_core")
SIMPLE: dict[Any, type[f.Field]] = {
    str: f.Text, int: f.Integer, bool: f.Boolean, Decimal: f.Decimal, float: f.Decimal, date: f.Date,
    datetime: f.DateTime, UUID: f.Text,
}  # fmt: skip


def struct_fields(
    struct: type[msgspec.Struct], domain: str = "crm_core", lists: Mapping[str, tuple[f.Option, ...]] | None = None
) -> list[f.Field]:
    """Return declared fields for a Struct's own.

    `Annotated[str, Meta(title="Sender", description="…", extra={"kind": "long_text"})]`; extra: `kind` (a field
    kind such as "email", or a list of `web.choices` such as "currency"), `target` (entity a UUID links to), `labels`
    (words for the values of a choice), `group` (heading). `lists` has the options of the lists.
    """
    hints = get_type_hints(struct, include_extras=True)
    return [
        _field(one.name, hints[one.name], one.required, domain, lists or {}) for one in msgspec.structs.fields(struct)
    ]


def _field(name: str, hint: Any, required: bool, domain: str, lists: Mapping[str, tuple[f.Option, ...]]) -> f.Field:
    meta, hint, optional = _unwrap(hint)
    extra = (meta.extra or {}) if meta else {}
    title = meta.title if meta and meta.title else name.removesuffix("_id").replace("_", " ").capitalize()
    label = Text(domain, title)
    must = required or extra.get("required", False)
    common: dict[str, Any] = {"required": must and not optional and hint is not bool, "group": extra.get("group", "")}
    if meta and meta.description:
        common["help"] = Text(domain, meta.description)
    kind, labels = extra.get("kind", ""), extra.get("labels", {})
    if extra.get("target"):
        return f.Link(name, label, target=extra["target"], **common)
    if kind in LISTS:
        return f.Choice(name, label, options=lists.get(kind, ()), **common)
    if kind:
        return _BY_KIND[kind](name, label, **common)
    if get_origin(hint) is Literal or (isinstance(hint, type) and issubclass(hint, enum.Enum)):
        return f.Choice(name, label, options=_options(hint, labels, domain), **common)
    if get_origin(hint) in (list, tuple, frozenset, set):
        inner = get_args(hint)[0]
        if get_origin(inner) is Literal or (isinstance(inner, type) and issubclass(inner, enum.Enum)):
            return f.MultiChoice(name, label, options=_options(inner, labels, domain), **common)
        return f.Tags(name, label, **common)
    made = SIMPLE.get(hint, f.Text)
    if made is f.Integer and meta:
        common |= {"minimum": _whole(meta.ge), "maximum": _whole(meta.le)}
    if made is f.Text and meta and meta.max_length:
        common["length"] = meta.max_length
    return made(name, label, **common)


_BY_KIND: dict[str, type[f.Field]] = {
    c.kind: c
    for c in (f.Text, f.LongText, f.RichText, f.Integer, f.Decimal, f.Percent, f.Date, f.DateTime, f.Boolean, f.Email,
              f.Phone, f.Url, f.Tags, f.Stage)
}  # fmt: skip


def _whole(bound: Any) -> int | None:
    return None if bound is None else int(bound)


def _unwrap(hint: Any) -> tuple[msgspec.Meta | None, Any, bool]:
    meta, optional = None, False
    while True:
        if get_origin(hint) is Annotated:
            meta = meta or next((m for m in get_args(hint)[1:] if isinstance(m, msgspec.Meta)), None)
            hint = get_args(hint)[0]
        elif get_origin(hint) in (Union, UnionType):
            rest = [a for a in get_args(hint) if a not in (type(None), msgspec.UnsetType)]
            optional = optional or len(rest) < len(get_args(hint))
            hint = rest[0]
            if len(rest) > 1:
                return meta, str, optional
        else:
            return meta, hint, optional


def _options(hint: Any, labels: dict[Any, Any], domain: str) -> tuple[f.Option, ...]:
    values = list(get_args(hint)) if get_origin(hint) is Literal else [m.value for m in hint]
    return tuple(
        f.Option(value=str(v), label=_label(labels.get(v, str(v).replace("_", " ").capitalize()), domain))
        for v in values
    )


def _label(text: Any, domain: str) -> Text:
    return text if isinstance(text, Text) else Text(domain, text)


async def struct_form(uow: UnitOfWork, struct: type[msgspec.Struct], value: Any = None, *, of: Any = None) -> Form:
    """Return the form of a Struct, filled from `value` or its defaults; stages are those the record `of` may be in."""
    domain = struct.__module__.partition(".")[0]
    lists = {kind: await named_options(uow, kind) for kind in _lists_in(struct)}
    form = Form([Input(x, x.name) for x in struct_fields(struct, domain, lists)], locale=uow.locale, zone=uow.zone)
    form.show(_builtins(value) if value is not None else _defaults(struct))
    return await fill_options(uow, form, of=of)


def _lists_in(struct: type[msgspec.Struct]) -> list[str]:
    metas = (_unwrap(hint)[0] for hint in get_type_hints(struct, include_extras=True).values())
    return sorted({kind for meta in metas if meta and (kind := (meta.extra or {}).get("kind")) in LISTS})


def _builtins(value: msgspec.Struct) -> dict[str, Any]:
    return {n: _bare(getattr(value, n)) for n in value.__struct_fields__}


def _bare(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def _defaults(struct: type[msgspec.Struct]) -> dict[str, Any]:
    found = {}
    for one in msgspec.structs.fields(struct):
        if one.default is not msgspec.NODEFAULT:
            found[one.name] = _bare(one.default)
        elif one.default_factory is not msgspec.NODEFAULT:
            found[one.name] = one.default_factory()
    return found


def read_struct(form: Form, posted: Posted, struct: type[Any]) -> Any:
    """Return the Struct that was typed; None with the form's errors set when it cannot be."""
    values = form.read(posted)
    if not form.ok:
        return None
    given = {k: v for k, v in values.items() if v is not None or _takes_none(struct, k)}
    try:
        return msgspec.convert(msgspec.to_builtins(given), struct, strict=False)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].rstrip("`") if "$." in str(error) else ""
        if form.input(name):
            form.errors[name] = str(error).partition(" - at ")[0]
        else:
            form.general = str(error)
        form.mark()
        return None


def _takes_none(struct: type[Any], name: str) -> bool:
    return _unwrap(get_type_hints(struct, include_extras=True)[name])[2]


def params_or_again(
    request: Request[Any, Any, Any],
    uow: UnitOfWork,
    form: Form,
    posted: Posted,
    struct: type[Any],
    template: str,
    **context: Any,
) -> Any:
    """Return the parameters, or show the page with the form again."""
    params = read_struct(form, posted, struct)
    if params is None:
        raise FormInvalid(Page(request, uow, template, **context), form)
    return params
