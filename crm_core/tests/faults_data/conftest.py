"""Thousands of requests by one token: the limit on them is tested elsewhere."""

from __future__ import annotations

import pytest
from crm_core.config import Config


@pytest.fixture
def config(base_config: Config, database_url: str) -> Config:
    """An embedded installation without a limit on requests."""
    return base_config.but(database_url=database_url, api_limit=0)
