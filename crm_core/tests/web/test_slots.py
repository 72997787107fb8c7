"""Pieces of plugins on a page: one that fails hurts nobody else."""

from __future__ import annotations

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
