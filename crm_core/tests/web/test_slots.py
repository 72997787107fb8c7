"""Pieces of plugins on a page: one that fails hurts nobody else."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from crm_core.web import slots
from crm_core.web.slots import FAILURES, WINDOW, Breaker


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_slot_is_left_alone_for_ten_minutes_after_five_failures() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(FAILURES - 1):
        breaker.failure("/quotes/panel")
    assert breaker.closed("/quotes/panel")
    breaker.failure("/quotes/panel")
    assert not breaker.closed("/quotes/panel")
    assert breaker.closed("/cases/panel")
    clock.now += WINDOW + 1
    assert breaker.closed("/quotes/panel")


def test_failures_far_apart_do_not_stop_a_slot() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(FAILURES * 2):
        breaker.failure("/quotes/panel")
        clock.now += WINDOW / (FAILURES - 2)
    assert breaker.closed("/quotes/panel")


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    return (("sample", import_module("crm_core.testing.sample_plugin.plugin")),)


@pytest.fixture
async def company(as_user: Any) -> tuple[Any, str]:
    """An administrator's browser and the address of a company's panels."""
    somebody = await as_user("admin")
    key = (await somebody.api.post("/companies", {"name": "Globex"}))["id"]
    page = await somebody.client.get(f"/companies/{key}")
    found = re.search(r'hx-get="(/slots/record\.panels[^"]+)"', page.text)
    assert found, "the page asks for no panels"
    return somebody.client, found[1].replace("&amp;", "&")


async def test_panel_of_a_plugin_comes_in_a_request_of_its_own(company: tuple[Any, str]) -> None:
    client, address = company
    panels = await client.get(address)
    assert panels.status_code == 200
    assert "Visits" in panels.text
    assert "<html" not in panels.text


async def test_panel_that_fails_leaves_a_notice_and_is_left_alone_in_the_end(
    company: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, address = company
    asked = []

    async def fail(request: Any, path: str) -> tuple[int, str]:
        asked.append(path)
        raise ZeroDivisionError

    monkeypatch.setattr(slots, "inside", fail)
    for _ in range(FAILURES + 2):
        panels = await client.get(address)
        assert panels.status_code == 200
        assert "cannot be shown" in panels.text
    assert set(Counter(asked).values()) == {FAILURES}


async def test_slow_panel_is_given_up(company: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    client, address = company

    async def sleep(request: Any, path: str) -> tuple[int, str]:
        await asyncio.sleep(30)
        return 200, "too late"

    monkeypatch.setattr(slots, "inside", sleep)
    monkeypatch.setattr(slots, "LIMIT", 0.05)
    panels = await client.get(address)
    assert "cannot be shown" in panels.text
    assert "too late" not in panels.text
