"""The plugin with test jobs and its table of effects."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa

PACKAGES = str(Path(__file__).parent / "packages")
if PACKAGES not in sys.path:
    sys.path.append(PACKAGES)

from crm_core.kernel import Kernel  # noqa: E402 - after the path is set
from crm_faults.world import World  # noqa: E402 - after the path is set


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    """The installed plugins and the one with test jobs."""
    from crm_faults import plugin

    return (("faults", plugin),)


@pytest.fixture
async def world(kernel: Kernel) -> World:
    """A kernel and the table in which the test jobs leave their effects."""
    from crm_faults.jobs import DDL

    async with kernel.db.write.begin() as connection:
        await connection.execute(sa.text(DDL))
    return World(kernel)
