"""What other features use of following."""

from __future__ import annotations

from crm_core.features.followers.actions import follow_by_itself
from crm_core.features.followers.queries import labels_of, recipients, record_of

__all__ = ["follow_by_itself", "labels_of", "recipients", "record_of"]
