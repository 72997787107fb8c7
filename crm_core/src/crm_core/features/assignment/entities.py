"""What a pool is."""

from __future__ import annotations

from crm_core.entity.fields import Option
from crm_core.features.assignment import rules
from crm_core.features.assignment.models import Pool, PoolMember
from crm_core.plugin import Child, Entity, Strings, fields

_ = Strings("crm_core")
STRATEGIES = (
    Option(value="round_robin", label=_("One after the other"), colour="blue"),
    Option(value="least_busy", label=_("Whoever has least to do"), colour="teal"),
    Option(value="weighted", label=_("By weight"), colour="violet"),
)
SKILLS = _("german:3, billing: a name and a level from 1 to 9; without a level it is 1.")

MEMBERS = Child(
    name="members",
    model=PoolMember,
    foreign_key="pool_id",
    label=_("Members"),
    fields=(
        fields.Link("user_id", _("User"), target="core.user", required=True, on_erase="delete"),
        fields.Integer("weight", _("Weight"), default=1, minimum=0, maximum=1000),
        fields.Integer("capacity", _("Open records at most"), minimum=0, maximum=100_000),
        fields.Text("skills", _("Skills"), length=500),
        fields.Text("where", _("Takes only"), length=2000, filterable=False),
        fields.Boolean("is_paused", _("Paused"), default=False),
    ),
    ordered=True,
)
POOL = Entity(
    name="core.pool",
    model=Pool,
    label=_("Pool"),
    plural=_("Pools"),
    path="pools",
    icon="users",
    title="name",
    fields=(
        fields.Text("name", _("Name"), length=100, required=True, sortable=True),
        fields.Choice("strategy", _("Who is next"), options=STRATEGIES, required=True, default="round_robin"),
        fields.Choice("entity", _("Kind of record"), choices=rules.kinds, required=True, default="core.lead"),
        fields.LongText(
            "where", _("Only records with"), length=20_000, filterable=False,
            help=_("A filter; all when empty. The page “Filter” puts one together."),
        ),
        fields.Boolean("is_active", _("Switched on"), default=True),
        fields.Boolean(
            "is_automatic", _("Takes new records"), default=False,
            help=_("New leads and deals without an owner that its filter takes; the first pool by position."),
        ),
        fields.Integer("position", _("Position"), default=0, sortable=True),
        fields.Boolean("in_hours", _("Only in working hours"), default=False, group="limits"),
        fields.Text("skills", _("Skills that are needed"), length=500, group="limits", help=SKILLS),
        fields.Choice(
            "counted_entity", _("Load: records counted"), choices=rules.kinds, group="limits",
            help=_("The same kind when empty."),
        ),
        fields.LongText(
            "counted_where", _("Load: only those with"), length=20_000, filterable=False, group="limits",
            help=_("A filter; open ones when empty."),
        ),
        fields.Link("fallback_user_id", _("If nobody can: user"), target="core.user", group="fallback"),
        fields.Link("fallback_pool_id", _("If nobody can: pool"), target="core.pool", group="fallback"),
        fields.Link(
            "owner_id", _("Owner"), target="core.user", group="owner", help=_("Is told when nobody can take a record.")
        ),
        fields.DateTime("created_at", _("Created"), readonly=True, sortable=True),
    ),
    list_columns=("name", "strategy", "entity", "is_active", "is_automatic"),
    default_sort="name",
    children=(MEMBERS,),
    validate=rules.validate,
    protected=True,
    public_read=True,
    open_when={"field": "is_active", "op": "is", "value": True},
    match_by=("name",),
    order=985,
)  # fmt: skip
