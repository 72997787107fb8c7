"""How much is done, and the helpers of the threat and fault rows, which test folders share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

PACKAGES = str(Path(__file__).parent / "packages")
if PACKAGES not in sys.path:
    sys.path.append(PACKAGES)


@pytest.fixture
def full() -> bool:
    """Whether the whole number of faults is wanted (`nox -s faults -- --full`), or a twentieth."""
    return os.environ.get("CRM_FAULTS") == "full"
