"""What others use of the organisation: its name and address as settings."""

from __future__ import annotations

from crm_core.features.organisation.settings import Organisation

__all__ = ["Organisation"]
