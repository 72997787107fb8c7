"""Metrics in the format of Prometheus: this process's requests, and the state of jobs, events and connections."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest

from crm_core.counts import BOUNDS
from crm_core.entity.event_rows import EventPosition, EventRow
from crm_core.jobs.dispatch import first_id
from crm_core.jobs.tables import JOBS, SINKS

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from crm_core.kernel import Kernel
    from crm_core.uow import UnitOfWork

RECENT = timedelta(hours=1)
KIND = "text/plain; version=0.0.4; charset=utf-8"


class Measured:
    """A collector of values that were measured before."""

    def __init__(self, found: list[Metric]) -> None:
        self.found = found

    def collect(self) -> Iterator[Metric]:
        """Yield what was measured."""
        yield from self.found


async def exposition(uow: UnitOfWork) -> bytes:
    """Return all metrics as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    stored = [*await jobs(uow), *await events(uow), *await sinks(uow)]
    registry.register(Measured([*requests(uow.kernel), *stored, *connections(uow.kernel)]))
    return bytes(generate_latest(registry))


def requests(kernel: Kernel) -> list[Metric]:
    """Return counts and times of this process's requests."""
    answers = CounterMetricFamily("crm_requests", "Answers by route and status", labels=("method", "route", "status"))
    for (method, route, status), count in kernel.requests.answers.items():
        answers.add_metric((method, route, str(status)), count)
    times = HistogramMetricFamily("crm_request_seconds", "Time to the first byte by route", labels=("route",))
    for route, buckets in kernel.requests.buckets.items():
        total, filled = 0, []
        for bound, count in zip((*BOUNDS, float("inf")), buckets, strict=True):
            total += count
            filled.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
        times.add_metric((route,), buckets=filled, sum_value=kernel.requests.seconds[route])
    return [answers, times]


async def jobs(uow: UnitOfWork) -> list[Metric]:
    """Return how many jobs are in which state, and how long the first that is due has waited."""
    states = GaugeMetricFamily("crm_jobs", "Jobs by state", labels=("state",))
    counted = sa.select(JOBS.c.state, sa.func.count()).where(JOBS.c.finished_at.is_(None)).group_by(JOBS.c.state)
    found: dict[str, int] = {row[0]: row[1] for row in await uow.session.execute(counted)}
    found["dead"] = await uow.session.scalar(sa.select(sa.func.count()).where(JOBS.c.state == "dead")) or 0
    for state in ("pending", "running", "dead", *sorted(set(found) - {"pending", "running", "dead"})):
        states.add_metric((state,), found.get(state, 0))
    oldest = await uow.session.scalar(sa.select(sa.func.min(JOBS.c.run_at)).where(JOBS.c.state == "pending"))
    waited = max(0.0, (uow.now - oldest).total_seconds()) if oldest else 0.0
    return [states, gauge("crm_job_lag_seconds", "How long the first job that is due has waited", waited)]


async def events(uow: UnitOfWork) -> list[Metric]:
    """Return how many committed events of the last hour have no number yet, and how old the first of them is."""
    event, position = EventRow.__table__, EventPosition.__table__
    numbered = sa.exists().where(position.c.event_id == event.c.id)
    young = event.c.id >= first_id(uow.now - RECENT)
    waiting = sa.select(sa.func.count(), sa.func.min(event.c.at)).where(young, ~numbered)
    count, first = (await uow.session.execute(waiting)).one()
    lag = max(0.0, (uow.now - first).total_seconds()) if first else 0.0
    return [
        gauge("crm_events_unnumbered", "Events the dispatcher has not numbered", count),
        gauge("crm_event_lag_seconds", "Age of the first event without a number", lag),
    ]


async def sinks(uow: UnitOfWork) -> list[Metric]:
    """Return how many events wait for each sink, and how often in a row each has failed."""
    place = EventPosition.__table__.c.position
    behind = sa.select(sa.func.count()).where(place > SINKS.c.position).correlate(SINKS).scalar_subquery()
    lag = GaugeMetricFamily("crm_sink_lag", "Events that wait for a sink", labels=("sink",))
    failures = GaugeMetricFamily("crm_sink_failures", "Failures of a sink in a row", labels=("sink",))
    for name, waiting, failed in await uow.session.execute(sa.select(SINKS.c.name, behind, SINKS.c.attempts)):
        lag.add_metric((name,), waiting)
        failures.add_metric((name,), failed)
    return [lag, failures]


def connections(kernel: Kernel) -> list[Metric]:
    """Return how many database connections of each pool are in use."""
    used = GaugeMetricFamily("crm_pool_connections", "Database connections in use", labels=("pool",))
    size = GaugeMetricFamily("crm_pool_size", "Database connections open", labels=("pool",))
    for name, engine in (("read", kernel.db.read), ("write", kernel.db.write)):
        pool: Any = engine.pool
        used.add_metric((name,), pool.checkedout() if hasattr(pool, "checkedout") else 0)
        size.add_metric((name,), pool.checkedin() + pool.checkedout() if hasattr(pool, "checkedin") else 0)
    return [used, size]


def gauge(name: str, text: str, value: float) -> Metric:
    """Return a metric of one value."""
    made = GaugeMetricFamily(name, text)
    made.add_metric((), value)
    return made
