"""Custom fields: what this feature adds."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.features.custom_fields import entities, jobs, pages, rates, rest, rules, schemas
from crm_core.features.custom_fields.demo import DEMO
from crm_core.plugin import DemoData, Entity, Job, Listener, NavItem, Permission, Strings, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (entities.FIELD,)


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return (*rules.LISTENERS, *rates.LISTENERS)


@hookimpl
def crm_jobs() -> Sequence[Job]:
    return (
        Job(call=schemas.IndexRecords, run=jobs.index_records, time_limit=3600.0),
        Job(call=schemas.RevalueFields, run=rates.revalue_fields, time_limit=3600.0),
    )


@hookimpl
def crm_permissions() -> Sequence[Permission]:
    return (
        Permission(
            name="core.field.manage", label=_("Define custom fields"),
            implies=tuple(f"core.field.{verb}" for verb in ("read", "create", "edit", "delete")),
        ),
    )  # fmt: skip


@hookimpl
def crm_routes() -> Sequence[type]:
    return (pages.CustomFieldPages, rest.DescriptionApi)


@hookimpl
def crm_nav() -> Sequence[NavItem]:
    return (
        NavItem(label=_("Custom fields"), href="/admin/fields", icon="forms", permission="core.field.read", order=981,
                group="Administration"),
    )  # fmt: skip


@hookimpl
def crm_demo_data() -> Sequence[DemoData]:
    return DEMO
