"""What a comment is."""

from __future__ import annotations

from crm_core.features.comments import rules
from crm_core.features.comments.models import Comment
from crm_core.features.standard import OWNERSHIP, ROLES, TIMES
from crm_core.plugin import Entity, Strings, fields

_ = Strings("crm_core")

COMMENT = Entity(
    name="core.comment",
    model=Comment,
    label=_("Comment"),
    plural=_("Comments"),
    path="comments",
    icon="message",
    title="summary",
    fields=(
        fields.LongText("body", _("Text"), required=True, personal=True, length=20_000),
        fields.Text("summary", _("Comment"), readonly=True, personal=True, readable=rules.with_body),
        fields.AnyLink("parent", _("About"), required=True),
        *OWNERSHIP,
        *TIMES,
    ),
    list_columns=("summary", "parent", "owner_id", "created_at"),
    default_sort="-created_at",
    also_visible=rules.also_visible,
    validate=rules.validate,
    in_menu=False,
    roles=ROLES,
    open_when={"any": []},  # nobody works on a comment: it stays with whoever wrote it
    order=220,
)
