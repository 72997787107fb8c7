"""What other features and plugins may use of duplicates."""

from __future__ import annotations

from crm_core.features.duplicates.queries import find_duplicates, of_record
from crm_core.features.duplicates.schemas import Candidate, Reason

__all__ = ["Candidate", "Reason", "find_duplicates", "of_record"]
