"""Teams."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.auth.people import Team
from crm_core.features.teams import actions, listeners
from crm_core.plugin import Entity, Listener, Strings, fields, hookimpl

_ = Strings("crm_core")


@hookimpl
def crm_entities() -> Sequence[Entity]:
    return (
        Entity(
            name="core.team",
            model=Team,
            label=_("Team"),
            plural=_("Teams"),
            path="teams",
            icon="users-group",
            title="name",
            fields=(
                fields.Text("name", _("Name"), required=True, sortable=True, unique=True, search="A"),
                fields.Link("parent_id", _("Part of"), target="core.team", reverse="subteams", reverse_label=_("Teams below")),
                fields.LongText("description", _("Description"), filterable=False),
            ),
            list_columns=("name", "parent_id"),
            default_sort="name",
            validate=actions.validate,
            match_by=("name",),
            public_read=True,
            order=910,
        ),
    )


@hookimpl
def crm_listeners() -> Sequence[Listener]:
    return tuple(
        Listener(event=f"core.team.{what}", run=listeners.tree_changed, name="core.team.rights")
        for what in ("created", "updated", "deleted", "restored", "merged")
    )
