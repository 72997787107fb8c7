"""What other features and plugins may use of duplicates."""

from __future__ import annotations

from crm_core.features.duplicates.queries import find_duplicates
from crm_core.features.duplicates.schemas import Candidate, Reason

__all__ = ["Candidate", "Reason", "find_duplicates"]
