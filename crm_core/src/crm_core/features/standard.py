"""Fields and rights that the basic entities share."""

from __future__ import annotations

from crm_core.entity.fields import Option
from crm_core.plugin import Strings, fields

_ = Strings("crm_core")

# Scope of each role at first installation; `admin` may do everything anyway.
ROLES = {"manager": "team", "sales": "own", "support": "team", "readonly": "all"}

OWNERSHIP = (
    fields.Link("owner_id", _("Owner"), target="core.user", group="owner", import_names=("owner", "assigned to")),
    fields.Link("team_id", _("Team"), target="core.team", readonly=True, group="owner"),
)
ACTIVITY_TIMES = (
    fields.DateTime("last_activity_at", _("Last activity"), readonly=True, sortable=True),
    fields.DateTime("next_activity_at", _("Next activity"), readonly=True, sortable=True),
)
TIMES = (
    fields.DateTime("created_at", _("Created"), readonly=True, sortable=True),
    fields.DateTime("updated_at", _("Changed"), readonly=True, sortable=True),
)
TAGS = (fields.Tags("tags", _("Tags"), import_names=("tag", "labels", "schlagworte")),)
COMMON = OWNERSHIP + ACTIVITY_TIMES + TIMES + TAGS
COLOURS = tuple(
    Option(value=name, label=label, colour=name)
    for name, label in (
        ("grey", _("Grey")),
        ("blue", _("Blue")),
        ("teal", _("Teal")),
        ("green", _("Green")),
        ("amber", _("Amber")),
        ("red", _("Red")),
        ("pink", _("Pink")),
        ("violet", _("Violet")),
    )
)
