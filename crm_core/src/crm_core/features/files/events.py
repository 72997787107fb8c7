"""What happens to stored bytes."""

from __future__ import annotations

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class FileDamaged(Event, frozen=True, kw_only=True):
    """The weekly look at all stored files found this one's bytes missing ("missing") or changed ("damaged")."""

    name: str
    sha256: str
    reason: str


EVENT_TYPES = (
    EventType(
        struct=FileDamaged, name="core.file.damaged", label=_("File damaged"), icon="file-alert", personal=("name",)
    ),
)  # fmt: skip
