"""Settings of the sink that writes events to a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from crm_core.errors import Invalid
from crm_core.plugin import SettingsGroup, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class FileNameNotValid(Invalid):
    """The name of the file could lead out of the folder."""


class EventFileSettings(msgspec.Struct, kw_only=True):
    """Whether events are written to a file, and its name below `events` in the folder."""

    enabled: Annotated[bool, Meta(title=str(_("Write every event to a file")))] = False
    file: Annotated[
        str, Meta(title=str(_("Name of the file")), description=str(_("In the folder `events` of the installation")))
    ] = "events.jsonl"


async def validate(uow: UnitOfWork, old: EventFileSettings, new: EventFileSettings) -> None:
    """Refuse names with slashes and the like."""
    if not NAME.fullmatch(new.file):
        raise FileNameNotValid(
            _("Some values are not acceptable."), fields={"file": _("Letters, digits, dots and dashes only.")}
        )


GROUP = SettingsGroup(
    name="core.event_file", struct=EventFileSettings, label=_("Event file"), order=90, validate=validate
)
