"""What other features and plugins may use of pipelines."""

from __future__ import annotations

from crm_core.features.pipelines.actions import follow_pipeline
from crm_core.features.pipelines.first_moves import remember_first
from crm_core.features.pipelines.queries import stage_times
from crm_core.features.pipelines.schemas import StageTime

__all__ = ["StageTime", "follow_pipeline", "remember_first", "stage_times"]
