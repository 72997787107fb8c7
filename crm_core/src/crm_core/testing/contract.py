"""The tests every plugin has to pass. Three lines in a plugin's tests buy them all:

from crm_core.testing.contract import PluginContract

class TestContract(PluginContract):
    plugin = "quotes"
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pytest

from crm_core.plugin import hookspecs
from crm_core.testing import declared, distribution
from crm_core.testing.migrations import migrations_up_down_up, models_match
from crm_core.testing.visitors import Visitors, path_of, routes_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from crm_core.config import Config
    from crm_core.kernel import Kernel
    from crm_core.plugin.registry import PluginInfo, Registry
    from crm_core.testing.databases import Databases

AS_OF = date(2026, 3, 2)
LONGEST_REVISION = 32


class PluginContract:
    """Subclass it with the plugin's name. Tests that need a plugin that is not installed override fixture `plugins`."""

    plugin: ClassVar[str]

    @pytest.fixture
    def info(self, registry: Registry) -> PluginInfo:
        """Return what the loader says about the plugin."""
        found = {i.name: i for i in registry.plugins}
        assert self.plugin in found, f"no plugin {self.plugin!r} is installed: {', '.join(found)}"
        assert found[self.plugin].state == "loaded", found[self.plugin].reason
        return found[self.plugin]

    @pytest.fixture
    def mine(self, info: PluginInfo, registry: Registry) -> declared.Declared:
        """Return what the plugin declared, told from what others did."""
        return declared.of(registry, info)

    def test_loads_alone(self, base_config: Config, plugins: Sequence[tuple[str, ModuleType]]) -> None:
        """It loads with core and what it requires, all other plugins disabled."""
        registry = declared.alone(base_config, plugins, self.plugin)
        found = {i.name: (i.state, i.reason) for i in registry.plugins if not i.builtin}
        assert found[self.plugin] == ("loaded", "")

    def test_names_begin_with_the_plugin(self, info: PluginInfo, mine: declared.Declared) -> None:
        """What lies in folders is found by name, so it carries the plugin's; the loader checks what is declared."""
        folder = distribution.folder(info)
        wrong = [p.name for p in folder.glob("templates/*") if p.name != self.plugin]
        wrong += [p.name for p in folder.glob("static/elements/*.js") if not p.stem.startswith(f"{self.plugin}-")]
        for revision in folder.glob("migrations/versions/*.py"):
            name = distribution.revision_of(revision)
            if not name.startswith(f"{self.plugin}_") or len(name) > LONGEST_REVISION:
                wrong.append(name)
        assert wrong == []

    def test_entities_fit_their_models(self, mine: declared.Declared) -> None:
        """Fields have columns, lists and sorts name fields, sortable texts have their folded twin."""
        assert [fault for entity in mine.entities for fault in declared.entity_faults(entity)] == []

    def test_rights_have_a_row_with_all_eight_verbs(self, mine: declared.Declared, registry: Registry) -> None:
        """Each entity is in the grid of roles with every verb, or has the rights of the record it belongs to."""
        assert [fault for entity in mine.entities for fault in declared.rights_faults(registry, entity)] == []

    def test_personal_data_and_erasing_are_declared(self, mine: declared.Declared, registry: Registry) -> None:
        """Addresses are personal, links say what becomes of them when a person is erased, events name their fields."""
        assert declared.privacy_faults(mine, registry) == []

    def test_structs_can_be_stored_and_read_again(self, mine: declared.Declared) -> None:
        """Events, job calls, settings and action parameters consist of plain values."""
        faults = []
        for struct in mine.structs:
            try:
                msgspec.json.schema(struct)
                msgspec.json.Decoder(struct)
            except TypeError as error:
                faults.append(f"{struct.__name__}: {error}")
        faults += [f"{g.struct.__name__}: every setting needs a default" for g in mine.settings if not _empty(g.struct)]
        assert faults == []

    def test_every_route_says_who_may_use_it(self, kernel: Kernel, mine: declared.Declared) -> None:
        """Each names its `permission`, or says `signed_in` or `public`."""
        missing = [
            f"{method} {path_of(route)}"
            for route, method, handler in routes_of(kernel, mine)
            if not any(handler.opt.get(mark) for mark in ("permission", "signed_in", "public"))
        ]
        assert missing == []

    async def test_routes_answer_by_right(self, kernel: Kernel, mine: declared.Declared) -> None:
        """Anonymous: 401 or the log-in page. Signed in without a right: 403. With it: neither, and never a 5xx."""
        visitors = await Visitors.make(kernel, mine)
        assert [fault async for fault in visitors.faults()] == []

    def test_templates_compile(self, registry: Registry, info: PluginInfo) -> None:
        """Every template parses, in every language, with the macros it calls."""
        from crm_core.i18n import LOCALES
        from crm_core.web.page import Web

        folder = distribution.folder(info) / "templates"
        names = [p.relative_to(folder).as_posix() for p in folder.rglob("*.html")]
        environments = Web(registry).templates.environments
        for name in names:
            for locale in LOCALES:
                environments[locale].get_template(name)

    async def test_migrations_go_up_down_and_up(self, empty_database_url: str, mine: declared.Declared) -> None:
        """An empty database reaches the models, goes back to nothing, and reaches them again."""
        if mine.package is None:
            return
        from crm_core.db import migrate

        await migrate.upgrade(empty_database_url, mine.others)
        await migrations_up_down_up(empty_database_url, mine.package, mine.others)
        await models_match(empty_database_url, mine.package, mine.others)

    async def test_demo_data_loads_once_and_alike(
        self, kernel: Kernel, dialect: str, databases: Databases, tmp_path: Path, mine: declared.Declared
    ) -> None:
        """A second call adds nothing; another database gets the same rows for the same day."""
        if not mine.demo_data:
            return
        first = await declared.demo_rows(kernel, mine, AS_OF)
        assert await declared.demo_rows(kernel, mine, AS_OF) == first
        second = tmp_path / "second"
        second.mkdir()
        async with declared.another(kernel, databases, dialect, second) as other:
            assert await declared.demo_rows(other, mine, AS_OF) == first

    def test_wheel_holds_templates_static_files_and_migrations(self, info: PluginInfo, tmp_path: Path) -> None:
        """What the package reads at run time is in what pip installs."""
        assert distribution.missing_in_wheel(info, tmp_path) == []

    async def test_defaults_load(self, kernel: Kernel, mine: declared.Declared) -> None:
        """What is made once per installation can be made, and is made once."""
        from crm_core.defaults import load_defaults

        await load_defaults(kernel)
        assert not {d.name for d in mine.defaults} & set(await load_defaults(kernel))

    async def test_checks_pass_on_a_fresh_installation(self, kernel: Kernel, mine: declared.Declared) -> None:
        """`crm doctor` finds nothing wrong with the plugin's part of a new database."""
        from crm_core.auth.actor import system

        assert {c.name for c in mine.checks} <= {c.name for c in kernel.registry.gather(hookspecs.crm_checks)}
        for check in mine.checks:
            async with kernel.read(system("test")) as uow:
                await check.run(uow)

    async def test_event_sinks_can_be_run(self, kernel: Kernel, mine: declared.Declared) -> None:
        """Each takes a batch, has limits, and knows on a fresh installation whether anybody wants events."""
        from crm_core.auth.actor import system

        assert list(declared.sink_faults(mine)) == []
        for sink in mine.sinks:
            async with kernel.read(system("test")) as uow:
                assert sink.active is None or await sink.active(uow) in (True, False)

    def test_mail_transports_can_be_chosen(self, mine: declared.Declared) -> None:
        """Each has a name that is stored with its mails, and takes one mail."""
        assert list(declared.transport_faults(mine)) == []

    def test_scopes_can_be_asked_for(self, mine: declared.Declared) -> None:
        """Each names a provider and scopes that can be sent to it."""
        assert list(declared.scope_faults(mine)) == []

    async def test_kinds_that_are_kept_for_a_time_can_be_counted_and_deleted(
        self, kernel: Kernel, mine: declared.Declared
    ) -> None:
        """A dry run only reads, and what is younger than the day asked for stays."""
        assert [fault async for fault in declared.retention_faults(kernel, mine)] == []


def _empty(struct: type[Any]) -> bool:
    try:
        struct()
    except TypeError:
        return False
    return True
