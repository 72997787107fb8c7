"""The test jobs as a plugin, and how much is done: a share, or everything with CRM_FAULTS=full."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

PACKAGES = str(Path(__file__).parents[1] / "jobs" / "packages")
if PACKAGES not in sys.path:
    sys.path.append(PACKAGES)


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    """The installed plugins and the one with test jobs."""
    from crm_faults import plugin

    return (("faults", plugin),)


@pytest.fixture
def full() -> bool:
    """Whether the whole number of faults is wanted."""
    return os.environ.get("CRM_FAULTS") == "full"
