"""Everything a plugin can declare: frozen values that hooks return once, at start-up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from crm_core.entity.fields import Field
from crm_core.i18n import Text

if TYPE_CHECKING:
    from crm_core.jobs.context import JobContext
    from crm_core.uow import UnitOfWork

VERBS = ("read", "create", "edit", "delete", "assign", "export", "import", "bulk_edit")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of event structs: ids and plain values only; fields are additive for ever."""


class JobCall(msgspec.Struct, frozen=True, kw_only=True):
    """Base of job calls: names the job and carries its arguments; fields are additive."""


@dataclass(frozen=True, slots=True)
class Migrations:
    """The package whose `migrations/versions` are run, in dependency order, one version table each.

    name: the plugin's, needed only where the package is not named `crm_<name>`.
    """

    package: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Child:
    """Rows that belong to one record (a contact's e-mails); edited with it, reported as its change.

    name: key in API and events. foreign_key: the child's column that holds the parent's id.
    A child model has `id`, its foreign key, and the fields' columns; `position` if ordered.
    """

    name: str
    model: type[Any]
    foreign_key: str
    label: Text
    fields: tuple[Field, ...]
    ordered: bool = False
    personal: bool = False
    in_form: bool = True  # on the record's own form and page


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entity:
    """A kind of record. From this follow API, pages, rights, search, audit, import/export and events.

    name: "<plugin>.<noun>", for ever. path: URL segment ("contacts"). title: field shown as a record's
    name. list_columns: default columns. default_sort: sortable field, "-" first for descending.
    also_visible: actor -> SQL condition for rows visible beyond the role's scope.
    parent: name of a Link field; the record then has its parent's rights and no verbs of its own.
    defaults: async (uow, values) -> values filled in before creation. validate: async (uow, record,
    changed names) raising `Invalid`. protected: rights are not granted to roles by default.
    roles: role name -> scope granted at first installation, e.g. {"sales": "team"}.
    """

    name: str
    model: type[Any]
    label: Text
    plural: Text
    path: str
    icon: str
    title: str
    fields: tuple[Field, ...]
    list_columns: tuple[str, ...]
    default_sort: str = ""
    children: tuple[Child, ...] = ()
    parent: str = ""
    also_visible: Callable[[Any], Any] | None = None
    never_visible: Callable[[Any], Any] | None = None
    defaults: Callable[[UnitOfWork, dict[str, Any]], Awaitable[dict[str, Any]]] | None = None
    validate: Callable[[UnitOfWork, Any, frozenset[str]], Awaitable[None]] | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    match_by: tuple[str, ...] = ()  # fields an import may match existing records by
    in_menu: bool = True
    order: int = 100
    has_activity: bool = False  # model has last_activity_at and next_activity_at, kept by core
    open_when: Any = None  # filter of records still being worked on, which are handed over; None: all not in the trash
    offered_when: Any = None  # filter of the records that forms offer for a link; None: all
    public_read: bool = False  # every signed-in user may read all rows (users, teams, stages)
    protected: bool = False
    mergeable: bool = False  # duplicates are looked for and can be merged

    @property
    def package(self) -> str:
        """Return the owner's name, the part before the dot."""
        return self.name.partition(".")[0]

    @property
    def noun(self) -> str:
        """Return the part after the dot."""
        return self.name.partition(".")[2]

    def field(self, name: str) -> Field | None:
        """Return the declared field of this name."""
        return next((f for f in self.fields if f.name == name), None)


@dataclass(frozen=True, slots=True)
class FieldOn:
    """A field on somebody else's entity.

    Stored: `model` is a side table `<plugin>_<noun>` of the plugin with `record_id` as primary key and
    the field's columns. Computed: `sql(entity_table) -> ColumnElement`, read-only.
    """

    entity: str
    field: Field
    model: type[Any] | None = None
    sql: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something to do with a record: POST …/{id}/<name>, a button, a bulk and a palette entry.

    run: async (uow, record, params) -> result struct or None. params: msgspec Struct or None.
    permission: right needed ("core.deal.edit", checked on the row, or a plain permission).
    when: filter of the filter language; the action is offered only where it holds.
    plan: async (uow, record, params) -> list of Text lines shown before confirmation.
    danger: rare and hard to take back: in the record's menu and red, never a button of its header.
    """

    entity: str
    name: str
    label: Text
    run: Callable[..., Awaitable[Any]]
    permission: str
    icon: str = "bolt"
    params: type[msgspec.Struct] | None = None
    when: Any = None
    bulk: bool = False
    confirm: Text | None = None
    plan: Callable[..., Awaitable[Sequence[Text]]] | None = None
    danger: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """A right beyond an entity's verbs; `roles` are granted at first installation only."""

    name: str
    label: Text
    implies: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsGroup:
    """Typed settings: a Struct with defaults, stored per system or per user.

    validate: async (uow, old, new) raising `Invalid` with a text per field; asked wherever they are saved.
    page: path of a page of its own, in place of the form made from the Struct.
    """

    name: str
    struct: type[msgspec.Struct]
    label: Text
    scope: str = "system"  # or "user"
    permission: str = "core.settings.manage"
    order: int = 100
    page: str = ""
    validate: Callable[[UnitOfWork, Any, Any], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Default:
    """Loaded once per installation: statuses, policies, templates. `load(uow)`.

    every_start: loaded at each start, for what looks itself after new plugins (default rights).
    """

    name: str
    load: Callable[[UnitOfWork], Awaitable[None]]
    every_start: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NavItem:
    """An entry of menu and command palette. counter: path that answers with the number shown beside it."""

    label: Text
    href: str
    icon: str
    permission: str = ""
    order: int = 100
    group: str = ""
    counter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A piece of somebody else's page.

    template: query-free, rendered in line. src: path loaded by its own request ("/quotes/panel?…", `{entity}` and
    `{id}` replaced). place: "record.panels", "record.header", "record.trashed", "list.menu", "list.actions",
    "list.views", "list.groups", "list.bulk", "account.panels", "home.top", "dashboard.tiles", "settings.pages" (a link
    to `src`), "layout.user", "layout.header", "layout.foot". `entity` narrows places of records and lists to one kind.
    """

    place: str
    label: Text
    template: str = ""
    src: str = ""
    entity: str = ""
    permission: str = ""
    order: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """A kind of event. personal: names of fields that hold data about a person (may be empty)."""

    struct: type[Event]
    name: str  # "quotes.quote.sent"
    label: Text
    personal: tuple[str, ...]
    icon: str = "point"
    timeline: str | None = None  # template shown in the timeline; `event.payload` has the struct's fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Called for events named `event` ("core.deal.updated"; "*" for all).

    run: async (uow, event) in the transaction (may raise to veto), or (job, events) with after_commit.
    fields: only if one of these changed. wants: in-memory test, so that no job row is written in vain.
    """

    event: str
    run: Callable[..., Awaitable[None]]
    name: str = ""
    fields: tuple[str, ...] = ()
    wants: Callable[[Any], bool] | None = None
    after_commit: bool = False
    asks: bool = True  # False: it only adds rows, so that new records need not be sent for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Binds a job call to its function `run(job: JobContext, call)`.

    time_limit in seconds; isolated: `run(data: bytes) -> bytes` in a process of its own.
    """

    call: type[JobCall]
    run: Callable[[JobContext, Any], Awaitable[None]]
    name: str = ""  # "<plugin>.<snake name of call>" when empty
    queue: str = "default"
    max_attempts: int = 8
    time_limit: float = 300.0
    isolated: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """A call made by cron expression in a zone; the row is filled at start."""

    name: str
    call: JobCall
    cron: str
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Variable:
    """A Liquid variable beyond an entity's readable fields."""

    on: str
    name: str
    type: str
    resolve: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Ref:
    """A record of any entity: its entity name and id. Text form "core.deal:<uuid>"."""

    entity: str
    id: UUID

    def __str__(self) -> str:
        return f"{self.entity}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Return the reference written as "entity:uuid"; ValueError if it is not one."""
        entity, _, key = text.rpartition(":")
        if not entity:
            raise ValueError(f"not a reference: {text!r}")
        return cls(entity, UUID(key))
