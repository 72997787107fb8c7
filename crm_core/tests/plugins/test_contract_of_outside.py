"""What the contract test says of sinks, mail transports, scopes, checks and kinds kept for a time that cannot work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from types import ModuleType
from typing import Any

import pytest
from crm_core.errors import Concern
from crm_core.features.companies.models import Company
from crm_core.kernel import Kernel
from crm_core.plugin import ConnectionScope, EventSink, MailTransport, Retention
from crm_core.testing import declared
from crm_core.testing.contract import PluginContract as Contract
from crm_core.testing.sample_plugin import plugin as sample
from crm_core.uow import UnitOfWork


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    return [("sample", sample)]


@pytest.fixture
def mine(kernel: Kernel) -> declared.Declared:
    return declared.of(kernel.registry, next(i for i in kernel.registry.plugins if i.name == "sample"))


async def takes(_batch: object) -> None:
    """As a sink or a transport takes something."""


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
class TestFaults:
    def test_the_sample_has_one_of_each_and_no_fault(self, mine: declared.Declared) -> None:
        assert (len(mine.sinks), len(mine.transports), len(mine.retention)) == (1, 1, 1)
        assert [*declared.sink_faults(mine), *declared.transport_faults(mine)] == []

    def test_sinks_that_cannot_be_run_are_named(self, mine: declared.Declared) -> None:
        def plain(_batch: object) -> Any:
            return None

        async def nobody() -> None:
            return None

        bad = (
            EventSink("sample.", takes),
            EventSink("sample.plain", plain),
            EventSink("sample.nobody", nobody),  # type: ignore[arg-type]  # that is the fault
            EventSink("sample.active", takes, active=plain),
            EventSink("sample.limits", takes, batch=0),
        )
        found = list(declared.sink_faults(replace(mine, sinks=bad)))
        assert len(found) == len(bad)
        assert found[:2] == [
            "'sample.': its position is stored under its name", "sample.plain: send is no `async def` of one batch",
        ]  # fmt: skip

    def test_transports_that_cannot_be_chosen_or_called_are_named(self, mine: declared.Declared) -> None:
        async def nobody() -> None:
            return None

        bad = (MailTransport(" ", takes), MailTransport("x" * 65, takes), MailTransport("sample.nobody", nobody))
        assert len(list(declared.transport_faults(replace(mine, transports=bad)))) == len(bad)

    def test_scopes_that_nobody_could_be_asked_for_are_named(self, mine: declared.Declared) -> None:
        bad = (ConnectionScope("", ("mail",)), ConnectionScope("google", ()), ConnectionScope("google", ("a b",)))
        assert list(declared.scope_faults(replace(mine, scopes=bad))) == [
            "('mail',): names no provider (the kind or the key of one)", "google: asks for nothing",
            "google: 'a b' is no scope",
        ]  # fmt: skip

    async def test_check_that_fails_on_a_fresh_installation_fails_the_contract(
        self, kernel: Kernel, mine: declared.Declared
    ) -> None:
        async def broken(_uow: UnitOfWork) -> str | None:
            raise Concern("the queue is not set up", hint="set it up")

        with pytest.raises(Concern, match="not set up"):
            known = replace(mine, checks=(replace(mine.checks[0], run=broken),))
            await Contract().test_checks_pass_on_a_fresh_installation(kernel, known)

    async def test_kinds_that_count_or_delete_what_is_young_are_named(
        self, kernel: Kernel, mine: declared.Declared
    ) -> None:
        async def count(_uow: UnitOfWork, _before: datetime) -> int:
            return 0

        async def delete(_uow: UnitOfWork, _before: datetime, limit: int) -> int:
            return limit

        async def writes(uow: UnitOfWork, _before: datetime) -> int:
            uow.session.add(Company(name="x"))
            await uow.session.flush()
            return 0

        kind = Retention(name="sample.kind", label="Kind", days=30, count=count, delete=delete)
        found = [f async for f in declared.retention_faults(kernel, replace(mine, retention=(kind,)))]
        assert found == ["sample.kind: counts 0 and deletes 1 of the time before 2000"]
        with pytest.raises(RuntimeError, match="only reads"):  # a dry run that writes
            kind = replace(kind, count=writes)
            assert [f async for f in declared.retention_faults(kernel, replace(mine, retention=(kind,)))]
