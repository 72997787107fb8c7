"""The test jobs as plugins, processes that are up in a moment, and how much is done: a share, or all of it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

for packages in (Path(__file__).parents[1] / "jobs" / "packages", Path(__file__).parent / "packages"):
    if str(packages) not in sys.path:
        sys.path.append(str(packages))

if TYPE_CHECKING:
    from crm_core.config import Config
    from crm_core.kernel import Kernel
    from crm_core.plugin.registry import Registry
    from crm_kills.forged import Processes

SHARE = 20


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    """The installed plugins and those with test jobs."""
    from crm_faults import plugin
    from crm_kills import plugin as kills

    return (("faults", plugin), ("kills", kills))


@pytest.fixture
def share(full: bool) -> int:
    """What the whole number is divided by."""
    return 1 if full else SHARE


@pytest.fixture(scope="session")
def forge() -> Iterator[Processes]:
    """The process that the others are forked from."""
    from crm_kills.forged import Processes

    made = Processes()
    yield made
    made.close()


@pytest.fixture
def processes(forge: Processes) -> Iterator[Processes]:
    """Web and worker processes of this test; none when it begins."""
    yield forge
    forge.stop()


@pytest_asyncio.fixture
async def scaled_out(config: Config, registry: Registry, redis_url: str) -> AsyncIterator[Kernel]:
    """A kernel whose jobs go through Redis."""
    from crm_core.kernel import open_kernel

    made = await open_kernel(config.but(redis_url=redis_url), registry=registry)
    yield made
    await made.close()
