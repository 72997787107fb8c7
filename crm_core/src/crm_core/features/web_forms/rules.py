"""What a form must be, however it is made or changed."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from crm_core.auth.links import PublicLink
from crm_core.auth.session import digest
from crm_core.features.web_forms.models import WebForm, WebFormField
from crm_core.features.web_forms.targets import FormNotValid, check_lines, first_lines, targets
from crm_core.i18n import Strings, Text
from crm_core.plugin import Listener

if TYPE_CHECKING:
    from crm_core.entity.changes import Happened
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
PURPOSE = "core.web_form"
HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?")
MOST_HOSTS, MOST_FIELDS = 50, 60


def hosts_of(text: str | None) -> list[str]:
    """Return the host names of a form, one a line or with commas, as browsers write them."""
    found = []
    for line in (text or "").replace(",", "\n").splitlines():
        word = line.strip().lower()
        if word:
            found.append(urlsplit(word).netloc if "://" in word else word.rstrip("/"))
    return list(dict.fromkeys(found))


BARE: dict[str, Any] = {"field": "", "is_required": False, "is_hidden": False, "value": ""}


async def defaults(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Give a new form the fields its records need when it comes without any."""
    target = targets(uow.registry).get(values.get("target") or "core.lead")
    if target is None:
        return values
    if "fields" in values:
        given = values["fields"]
        if isinstance(given, list) and all(isinstance(x, dict) for x in given):
            check_lines(uow.registry, target, [SimpleNamespace(**{**BARE, **x}) for x in given])
        return values
    lines = [
        {"field": x.field, "is_required": x.is_required, "is_hidden": False} for x in first_lines(uow.registry, target)
    ]
    return {**values, "fields": lines}


async def validate(uow: UnitOfWork, record: WebForm, changed: frozenset[str]) -> None:
    """Check target, hosts, address and fields."""
    faults: dict[str, Text | str] = {}
    target = targets(uow.registry).get(record.target)
    if target is None:
        faults["target"] = _("Forms cannot make these records.")
    hosts = hosts_of(record.allowed_hosts)
    if "allowed_hosts" in changed and (len(hosts) > MOST_HOSTS or not all(HOST.fullmatch(h) for h in hosts)):
        faults["allowed_hosts"] = _("Names of web sites, one a line: www.example.com or *.example.com")
    if "thanks_url" in changed and record.thanks_url and "@" in urlsplit(record.thanks_url).netloc:
        faults["thanks_url"] = _("An http or https address without user name.")
    if record.pool_id is not None and (problem := await _pool(uow, record)):
        faults["pool_id"] = problem
    if faults:
        raise FormNotValid(_("Some values are not acceptable."), fields=faults)
    stored = sa.inspect(record).persistent
    if target is not None and stored and changed & {"fields", "target"}:
        await uow.session.flush()  # the lines were changed beside the record
        check_lines(uow.registry, target, await lines_of(uow, record))


async def _pool(uow: UnitOfWork, form: WebForm) -> Text | None:
    """Return what is wrong with the pool: it gives out other records than the form makes."""
    entity = uow.registry.entities.get("core.pool")
    pool = await uow.session.get(entity.model, form.pool_id) if entity is not None else None
    if pool is None or pool.entity != form.target:
        return _("This pool gives out other records than the form makes.")
    return None


async def lines_of(uow: UnitOfWork, form: WebForm) -> list[WebFormField]:
    """Return a form's fields in order."""
    query = sa.select(WebFormField).where(WebFormField.form_id == form.id)
    return list(await uow.session.scalars(query.order_by(WebFormField.position, WebFormField.id)))


async def open_address(uow: UnitOfWork, event: Happened) -> None:
    """Listener: check the fields of a new form, and open its public address."""
    form = await uow.session.get(WebForm, event.record_id)
    if form is None:
        return
    lines = await lines_of(uow, form)
    target = targets(uow.registry).get(form.target)
    if target is not None:
        check_lines(uow.registry, target, lines)
    uow.session.add(
        PublicLink(hash=digest(form.token), purpose=PURPOSE, ref_entity="core.web_form", ref_id=form.id, data={})
    )


LISTENERS = (Listener(event="core.web_form.created", run=open_address, name="core.web_forms.open_address"),)
