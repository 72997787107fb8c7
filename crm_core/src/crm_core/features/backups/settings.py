"""How many nightly backups are kept."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from crm_core.plugin import SettingsGroup, Strings

_ = Strings("crm_core")


class BackupSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Nightly backups of a SQLite installation, in the folder `backups` beside the database."""

    keep: Annotated[
        int,
        Meta(
            title=str(_("Nightly backups kept")),
            description=str(_("Made every night with SQLite; 0 for none. With PostgreSQL, use crm backup.")),
            ge=0,
            le=366,
        ),
    ] = 7


GROUP = SettingsGroup(name="core.backup", struct=BackupSettings, label=_("Backup"), order=60)
