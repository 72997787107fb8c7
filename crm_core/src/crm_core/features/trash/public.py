"""What other features may use of the trash."""

from __future__ import annotations

from crm_core.features.trash.removal import remove

__all__ = ["remove"]
