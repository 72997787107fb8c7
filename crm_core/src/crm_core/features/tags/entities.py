"""What a tag is."""

from __future__ import annotations

from crm_core.entity.tags import Tag
from crm_core.features.standard import COLOURS
from crm_core.plugin import Entity, Strings, fields

_ = Strings("crm_core")

TAG = Entity(
    name="core.tag",
    model=Tag,
    label=_("Tag"),
    plural=_("Tags"),
    path="tags",
    icon="tag",
    title="name",
    fields=(
        fields.Text("name", _("Name"), length=64, required=True, sortable=True, unique=True),
        fields.Choice("colour", _("Colour"), options=COLOURS, default="grey"),
    ),
    list_columns=("name", "colour"),
    default_sort="name",
    in_menu=False,
    public_read=True,
    roles={"manager": "all", "sales": "all"},
    match_by=("name",),
    order=210,
)
