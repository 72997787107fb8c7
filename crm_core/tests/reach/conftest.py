"""Helpers for events that leave the system."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from crm_core.auth.actor import system
from crm_core.entity import records
from crm_core.jobs.dispatch import Dispatcher
from crm_core.kernel import Kernel

if TYPE_CHECKING:
    from crm_two.outside import Outside

PACKAGES = Path(__file__).parent / "packages"
if str(PACKAGES) not in sys.path:
    sys.path.append(str(PACKAGES))
TEST = system("test")


async def make_contact(kernel: Kernel, name: str, changes: int = 0) -> Any:
    """Make a contact and change it so many times; return its id."""
    entity = kernel.registry.entity("core.contact")
    async with kernel.write(TEST) as uow:
        made = await records.create(uow, entity, {"last_name": f"{name} 0"}, trusted=True)
    for number in range(changes):
        async with kernel.write(TEST) as uow:
            record = await uow.session.get(entity.model, made.id)
            await records.update(uow, entity, record, {"last_name": f"{name} {number + 1}"}, trusted=True)
    return made.id


@pytest.fixture
def number(kernel: Kernel) -> Callable[[], Awaitable[int]]:
    """Give committed events their numbers."""
    return Dispatcher(kernel).number


@pytest.fixture
def contact() -> Callable[..., Awaitable[Any]]:
    """`await contact(kernel, "Ada", changes=2)`: the id of a contact with three events."""
    return make_contact


@pytest.fixture
def outside() -> dict[str, Outside]:
    """The two systems outside, having taken nothing."""
    from crm_two.outside import ONE, TWO

    ONE.reset()
    TWO.reset()
    return {"one": ONE, "two": TWO}


@pytest.fixture
def two() -> Sequence[tuple[str, ModuleType]]:
    """The plugin with the two sinks, for `plugins`."""
    from crm_two import plugin

    return (("two", plugin),)
