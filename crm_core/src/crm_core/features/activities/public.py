"""What other features and plugins may use of activities."""

from __future__ import annotations

from crm_core.features.activities.times import refresh

__all__ = ["refresh"]
