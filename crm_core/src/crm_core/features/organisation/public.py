"""What others use of the organisation: its name and address as settings, and as papers print them."""

from __future__ import annotations

from crm_core.features.organisation.queries import Imprint, imprint, letterhead, logo_bytes
from crm_core.features.organisation.settings import Organisation

__all__ = ["Imprint", "Organisation", "imprint", "letterhead", "logo_bytes"]
