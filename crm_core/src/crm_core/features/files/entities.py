"""What a file is."""

from __future__ import annotations

from crm_core.features.files import rules
from crm_core.features.files.models import File
from crm_core.features.standard import OWNERSHIP, ROLES, TIMES
from crm_core.plugin import Entity, Slot, Strings, fields

_ = Strings("crm_core")

FILE = Entity(
    name="core.file",
    model=File,
    label=_("File"),
    plural=_("Files"),
    path="files",
    icon="paperclip",
    title="name",
    fields=(
        fields.Text("name", _("Name"), required=True, sortable=True, search="A", personal=True),
        fields.Text("media_type", _("Type"), readonly=True, length=127),
        fields.Integer("size", _("Size in bytes"), readonly=True, sortable=True),
        fields.Text("sha256", _("SHA-256"), readonly=True, length=64),
        fields.AnyLink("parent", _("On")),
        *OWNERSHIP,
        *TIMES,
    ),
    list_columns=("name", "media_type", "size", "parent", "owner_id", "created_at"),
    default_sort="-created_at",
    also_visible=rules.also_visible,
    validate=rules.validate,
    in_menu=False,
    roles=ROLES,
    open_when={"any": []},  # a file stays with whoever added it; its record decides who sees it
    order=230,
)

SLOTS = (
    Slot(
        place="record.panels", label=_("Files"), src="/files/panel?of={entity}:{id}", permission="core.file.read",
        order=20,
    ),
)  # fmt: skip
