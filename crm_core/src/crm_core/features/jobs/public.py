"""What other features use of the jobs."""

from crm_core.features.jobs.statistics import RefreshStatistics

__all__ = ["RefreshStatistics"]
