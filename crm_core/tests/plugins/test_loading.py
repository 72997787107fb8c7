"""Plugins that load, plugins that cannot, and what the CRM says about them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from crm_core.db.model import metadata
from crm_core.errors import StartupError
from crm_core.plugin import hookspecs
from sqlalchemy.orm import configure_mappers

if TYPE_CHECKING:
    from conftest import Site

NAV = """
    from crm_core.plugin import NavItem, Text, hookimpl

    @hookimpl
    def crm_nav():
        return (NavItem(label=Text("crm_{name}", "{name}"), href="/{name}", icon="box"),)
"""
MODELS = """
    import sqlalchemy as sa
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
    from crm_core.plugin.models import Record, folded, package_registry

    class Base(DeclarativeBase):
        registry = package_registry()

    class Thing(Record, Base):
        __tablename__ = "{table}"
        name: Mapped[str] = mapped_column(sa.String(255))
        name_f: Mapped[str] = folded("name")
"""
ENTITY = """
    from crm_core.plugin import Entity, Text, fields, hookimpl
    from crm_{plugin}.models import Thing

    _ = lambda m: Text("crm_{plugin}", m)

    @hookimpl
    def crm_entities():
        return (Entity(name="{name}", model=Thing, label=_("Thing"), plural=_("Things"), path="{path}", icon="box",
                       title="name", fields=(fields.Text("name", _("Name")),), list_columns=("name",)),)
"""


def nav(name: str) -> str:
    return NAV.format(name=name)


def thing(site: Site, plugin: str, *, name: str = "", path: str = "", table: str = "") -> None:
    """Add a plugin with one entity; the parts that are not given are right."""
    entity = ENTITY.format(plugin=plugin, name=name or f"{plugin}.thing", path=path or f"{plugin}-things")
    site.add(plugin, entity, files={"models.py": MODELS.format(table=table or f"{plugin}_thing")})


def hook(body: str, name: str = "crm_nav") -> str:
    return f"from crm_core.plugin import hookimpl\n\n@hookimpl\ndef {name}():\n    {body}\n"


@pytest.fixture(autouse=True)
def others_keep_working(site: Site) -> Iterator[None]:
    """Whatever a test's plugin does, core's mappers and entities work afterwards, in the same process."""
    yield
    configure_mappers()
    assert "core.contact" in site.load(strict_plugins=False, required=()).entities


def test_good_plugin_is_loaded_with_its_title_and_hooks(site: Site) -> None:
    site.add("good", nav("good"), version="2.3")
    found = site.info("good")
    assert (found.state, found.title, found.version, found.hooks) == ("loaded", "The good plugin", "2.3", ("crm_nav",))


def test_entity_of_a_plugin_stands_beside_those_of_core(site: Site) -> None:
    thing(site, "good")
    registry = site.load()
    assert registry.entity("good.thing").path == "good-things"
    assert registry.by_path["good-things"] is registry.entity("good.thing")


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        ("import not_there_at_all", "No module named 'not_there_at_all'"),
        ("def is not python", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (hook("return ()", "crm_navi"), "unknown hook 'crm_navi', did you mean crm_nav?"),
        (hook("return ()", "crm_entites"), "unknown hook 'crm_entites', did you mean crm_entities?"),
        (hook("return ()", "crm_frobnicate"), "unknown hook 'crm_frobnicate'"),
        ("def crm_nav():\n    return ()\n", "crm_nav needs @hookimpl"),
        (hook("raise RuntimeError('not today')"), "RuntimeError: not today"),
        (hook("return None"), "crm_nav must return a sequence, not None"),
        (hook("return 'a text'"), "crm_nav must return a sequence"),
        (hook("return ('/a', '/b')"), "crm_nav must give NavItem, not '/a'"),
        (hook("return (object(),)", "crm_routes"), "crm_routes must give type"),
        ("from crm_core.plugin import hookimpl\n@hookimpl\ndef crm_nav(uow):\n    return ()\n", "uow"),
    ],
)
def test_broken_plugin_is_named_with_the_reason_and_the_rest_starts(site: Site, plugin: str, reason: str) -> None:
    site.add("bad", plugin)
    site.add("good", nav("good"))
    found = {i.name: i for i in site.load().plugins}
    assert found["bad"].state == "failed"
    assert reason in found["bad"].reason
    assert found["good"].state == "loaded"


def test_plugin_stays_broken_when_it_is_loaded_again(site: Site) -> None:
    site.add("bad", hook("raise RuntimeError('not today')"), files={"models.py": MODELS.format(table="bad_thing")})
    assert [site.info("bad").state for _ in range(3)] == ["failed"] * 3


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"name": "core.thing"}, "'core.thing' must start with 'bad.'"),
        ({"path": "contacts"}, "contacts"),
        ({"path": "things"}, "path 'things' of bad.thing must start with 'bad'"),
        ({"table": "core_contact"}, "core_contact"),
        ({"table": "thing"}, "table 'thing' must start with 'bad_'"),
    ],
)
def test_plugin_may_not_take_names_of_others(site: Site, parts: dict[str, str], reason: str) -> None:
    thing(site, "bad", **parts)
    before = set(metadata.tables)
    found = site.info("bad")
    assert found.state == "failed"
    assert reason in found.reason
    assert set(metadata.tables) == before


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("(d.Permission(name='core.deal.approve', label=_('x')),)", "must start with 'bad.'"),
        ("(d.Permission(name='bad.a', label=_('x')), d.Permission(name='bad.a', label=_('y')))", "declared twice"),
        ("(d.Action(entity='core.nothing', name='x', label=_('x'), run=None, permission='a.b.c'),)", "no entity"),
        ("(d.FieldOn('core.company', d.fields.Text('colour', _('x')), sql=str),)", "must start with 'bad_'"),
        ("(d.FieldOn('core.company', d.fields.Text('bad_colour', _('x'))),)", "needs a model or sql"),
    ],
)
def test_declarations_that_clash_or_lead_nowhere_are_refused(site: Site, body: str, reason: str) -> None:
    names = {"Permission": "crm_permissions", "Action": "crm_actions", "FieldOn": "crm_fields"}
    name = next(h for kind, h in names.items() if kind in body)
    head = "import crm_core.plugin as d\n_ = d.Strings('crm_bad')\n"
    site.add("bad", head + hook(f"return {body}", name))
    assert reason in site.info("bad").reason


def test_second_plugin_with_the_same_path_is_refused_and_the_first_stays(site: Site) -> None:
    thing(site, "aa", path="aa-things")
    thing(site, "aab", path="aab-things")
    site.add("ab", nav("ab"), package="crm_other")
    found = {i.name: i for i in site.load().plugins}
    assert (found["aa"].state, found["aab"].state) == ("loaded", "loaded")
    assert found["ab"].reason == "its package must be named crm_ab, not crm_other"


@pytest.mark.parametrize("name", ["core", "api", "static", "auth", "admin", "content", "public", "dev"])
def test_reserved_names_are_refused(site: Site, name: str) -> None:
    site.add(name, nav(name), package=f"crm_{name}_plugin")
    failed = [i for i in site.load().plugins if i.name == name]
    assert failed[-1].reason == f"the name {name!r} is reserved or taken"


def test_broken_model_is_disposed_of_and_other_mappers_work(site: Site) -> None:
    models = MODELS.format(table="bad_thing") + (
        "    from sqlalchemy.orm import relationship\n\n"
        "    class Other(Record, Base):\n"
        '        __tablename__ = "bad_other"\n'
        '        missing = relationship("NoSuchClass")\n'
    )
    site.add("bad", ENTITY.format(plugin="bad", name="bad.thing", path="bad-things"), files={"models.py": models})
    thing(site, "good")
    registry = site.load()
    found = {i.name: i for i in registry.plugins}
    assert "NoSuchClass" in found["bad"].reason
    assert found["good"].state == "loaded"
    assert not {t for t in metadata.tables if t.startswith("bad_")}
    good = registry.entity("good.thing").model
    assert "FROM good_thing" in str(sa.select(good))


def test_incompatible_core_version_is_refused_without_an_import(site: Site) -> None:
    site.add("old", "raise AssertionError('imported')", requires=["crm-core>=99"])
    assert site.info("old").reason.startswith("needs crm-core>=99, installed is ")


def test_disabled_plugin_is_never_imported(site: Site) -> None:
    site.add("off", "raise AssertionError('imported')")
    found = site.info("off", disabled=frozenset({"off"}))
    assert (found.state, found.reason) == ("disabled", "disabled in crm.toml")
    assert "crm_off" not in sys.modules


def test_plugin_that_needs_a_disabled_or_broken_one_is_refused(site: Site) -> None:
    site.add("below", "")
    site.add("above", "import crm_below.plugin", requires=["crm-below>=1"])
    assert site.info("above").state == "loaded"
    assert site.info("above", disabled=frozenset({"below"})).reason == "needs crm-below, which is not loaded"


def test_plugin_that_needs_a_newer_neighbour_is_refused(site: Site) -> None:
    site.add("below", "", version="1.4")
    site.add("above", "", requires=["crm-below>=2"])
    assert site.info("above").reason == "needs crm-below>=2, installed is 1.4"


def test_plugins_load_in_the_order_of_their_requirements(site: Site) -> None:
    site.add("a", "", requires=["crm-b"])
    site.add("b", "", requires=["crm-c"])
    site.add("c", "")
    assert [i.name for i in site.load().plugins if not i.builtin][-3:] == ["c", "b", "a"]


def test_missing_required_plugin_stops_the_start(site: Site) -> None:
    with pytest.raises(StartupError, match="required plugin quotes: not installed"):
        site.load(required=("quotes",))


def test_broken_required_plugin_stops_the_start_with_the_reason(site: Site) -> None:
    site.add("bad", "import not_there_at_all")
    with pytest.raises(StartupError, match="required plugin bad: ModuleNotFoundError"):
        site.load(required=("bad",))


def test_strict_start_refuses_any_broken_plugin(site: Site) -> None:
    site.add("bad", "import not_there_at_all")
    with pytest.raises(StartupError, match="plugin bad: ModuleNotFoundError"):
        site.load(strict_plugins=True)


BRIDGE = {"with_near.py": nav("bridge")}


def test_bridge_is_imported_only_when_both_are_there(site: Site) -> None:
    site.add("far", "", files=BRIDGE, bridges={"near": "crm_far.with_near"})
    assert site.info("far").bridges == ()
    assert "crm_far.with_near" not in sys.modules
    site.add("near", "")
    registry = site.load()
    assert next(i for i in registry.plugins if i.name == "far").bridges == ("near",)
    assert any(n.href == "/bridge" for n in registry.gather(hookspecs.crm_nav))


def test_bridge_loads_whichever_name_comes_first(site: Site) -> None:
    site.add("anna", "", files=BRIDGE, bridges={"near": "crm_anna.with_near"})
    site.add("zoe", "", files=BRIDGE, bridges={"near": "crm_zoe.with_near"})
    site.add("near", "")
    found = {i.name: i.bridges for i in site.load().plugins}
    assert found["anna"] == found["zoe"] == ("near",)


def test_bridge_to_a_disabled_neighbour_is_not_imported(site: Site) -> None:
    site.add("far", "", files={"with_near.py": "raise AssertionError"}, bridges={"near": "crm_far.with_near"})
    site.add("near", "")
    assert site.info("far", disabled=frozenset({"near"})).reason == ""
    assert "crm_far.with_near" not in sys.modules


def test_bridge_of_the_sample_plugin_adds_to_its_navigation(site: Site) -> None:
    from crm_core.testing.sample_plugin import with_neighbour

    star = "from crm_core.testing.sample_plugin.plugin import *\n"
    site.add("sample", star, bridges={"neighbour": with_neighbour.__name__})
    site.add("neighbour", "")
    registry = site.load(strict_plugins=True)
    assert next(i for i in registry.plugins if i.name == "sample").bridges == ("neighbour",)
    assert set(with_neighbour.crm_nav()) <= set(registry.gather(hookspecs.crm_nav))


def test_broken_bridge_is_named_and_its_owner_stays(site: Site) -> None:
    site.add("far", nav("far"), files={"with_near.py": "import not_there"}, bridges={"near": "crm_far.with_near"})
    site.add("near", "")
    found = site.info("far")
    assert (found.state, found.bridges) == ("loaded", ())
    assert found.reason.startswith("bridge to near: ModuleNotFoundError")


def test_hook_offered_by_a_plugin_is_used_by_another(site: Site) -> None:
    specs = (
        "import pluggy\nfrom collections.abc import Sequence\nhookspec = pluggy.HookspecMarker('crm')\n"
        "@hookspec\ndef crm_shop_prices() -> Sequence[int]: ...\n"
    )
    site.add("shop", "", files={"hookspecs.py": specs})
    site.add("sale", hook("return (3, 4)", "crm_shop_prices"), requires=["crm-shop"])
    site.add("typo", hook("return ('three',)", "crm_shop_prices"), requires=["crm-shop"])
    registry = site.load()
    found = {i.name: i for i in registry.plugins}
    assert found["shop"].offers == ("crm_shop_prices",)
    assert registry.values["crm_shop_prices"] == (3, 4)
    assert "crm_shop_prices must give int" in found["typo"].reason


def test_crm_plugins_json_says_what_is_loaded_and_why_not(site: Site) -> None:
    from crm_core.commands.plugins import command

    site.add("bad", "import not_there_at_all")
    site.add("good", nav("good"))
    done = CliRunner().invoke(command, ["--json", "--folder", str(site.config.folder)])
    assert done.exit_code == 0, done.output
    found = {i["name"]: i for i in json.loads(done.stdout)}
    assert found["good"]["state"] == "loaded"
    assert found["bad"] == found["bad"] | {"state": "failed", "version": "1.0"}
    assert "not_there_at_all" in found["bad"]["reason"]


def test_crm_plugins_prints_a_line_for_each(site: Site) -> None:
    from crm_core.commands.plugins import command

    site.add("good", nav("good"))
    done = CliRunner().invoke(command, ["--folder", str(site.config.folder)])
    assert "+ good" in done.output
    assert "uses: crm_nav" in done.output


def test_crm_doctor_names_a_broken_plugin_and_says_what_to_do(site: Site) -> None:
    from crm_core.commands.doctor import command

    site.add("bad", "import not_there_at_all")
    done = CliRunner().invoke(command, ["--json", "--folder", str(site.config.folder)])
    found = {i["name"]: i for i in json.loads(done.stdout)}
    assert (done.exit_code, found["plugin bad"]["state"]) == (1, "problem")
    assert "not_there_at_all" in found["plugin bad"]["text"]
    assert "disabled in crm.toml" in found["plugin bad"]["hint"]
