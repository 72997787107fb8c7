"""Each rule of our own linters catches a planted fault, and clean sources pass."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).parent.parent / "tools"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


templates, house, imports, docs, pins = map(
    load, ("lint_templates", "lint_house", "import_contracts", "lint_docs", "pins")
)

CLEAN_TEMPLATE = """
{# a comment with words #}
{% extends "core/page.html" %}
{% block body %}
<h1 class="{{ 'is big' if big else '' }}">{{ _("Quotes") }}</h1> · 42 %
<form method="post" action="/quotes" hx-post="/quotes" hx-target:inherited="#list">
  <input name="q" placeholder="{{ _('Search') }}" value="{{ q }}" {% if q %}autofocus{% endif %}>
  <kbd>Ctrl</kbd> <span translate="no">Acme <span>Inc</span> Ltd</span>
  {{ button(_("Save"), icon="device-floppy") }}
</form>
<script type="application/json">{{ config }}</script>
<script src="{{ asset('crm_core', 'theme.js') }}"></script>
{% endblock %}
"""

TEMPLATE_FAULTS = [
    ("<p>Hello</p>", "untranslated text"),
    ('<span translate="no">Acme <b>x</b></span><p>Hello</p>', "untranslated text"),
    ("{{ 'Hello there' }}", "untranslated text"),
    ("{{ name or 'Nobody' }}", "untranslated text"),
    ("{{ 'Open' if open else '' }}", "untranslated text"),
    ("{{ name|default('Nobody') }}", "untranslated text"),
    ("{{ button(label='Save') }}", "untranslated label"),
    ("{% set x = field(help='Three words here') %}", "untranslated help"),
    ('<a title="Open {{ name }}"></a>', "untranslated title"),
    ('<img alt="Logo" src="/x">', "untranslated alt"),
    ('<input type="submit" value="Save">', "untranslated value"),
    ('<b hx-on:click="x()"></b>', "hx-on"),
    ('<b hx-on::after-swap="x()"></b>', "hx-on"),
    ('<b hx-boost="true"></b>', "not on the list"),
    ('<b data-hx-ext="sse"></b>', "not on the list"),
    ('<b hx-get:other="/x"></b>', "not on the list"),
    ('<b hx-swap="outerHTML"></b>', "macro of core"),
    ('<b hx-status:422="target:#x"></b>', "macro of core"),
    ('<b hx-sse:connect="/live"></b>', "macro of core"),
    ('<hx-partial hx-target="#x"></hx-partial>', "macro of core"),
    ("<b hx-vals='js:{a: 1}'></b>", "js: value"),
    ('<b hx-trigger="click[ctrlKey]"></b>', "[filter]"),
    ('<form hx-post="/x"></form>', "without JavaScript"),
    ('<b onclick="x()"></b>', "onclick"),
    ('<a href="javascript:x()"></a>', "runs a script"),
    ('<b style="color: red"></b>', "inline style"),
    ("<style>b {}</style>", "inline <style>"),
    ("<script>x()</script>", "inline <script>"),
    ('<script src="https://example.org/x.js"></script>', "own packages"),
    ("{{ body|safe }}", "safe"),
    ("{{ Markup(body) }}", "Markup"),
    ("{% autoescape false %}{{ x }}{% endautoescape %}", "autoescape"),
    ("{% if x %}", "does not parse"),
]


def test_clean_template_passes():
    assert templates.lint(CLEAN_TEMPLATE) == []


@pytest.mark.parametrize(("source", "fault"), TEMPLATE_FAULTS)
def test_template_fault_is_found(source, fault):
    assert [text for _, text in templates.lint(source) if fault in text]


def test_template_fault_names_its_line():
    assert templates.lint("<b>\n\n{{ x }}\n  Hello</b>")[0][0] == 4
    assert templates.lint("{% if x\n %}\n<b style='x'></b>{% endif %}")[0][0] == 3


def test_core_may_write_swap_itself():
    assert templates.lint('<b hx-swap="outerHTML"></b><hx-partial></hx-partial>', in_core=True) == []


HOUSE_FAULTS = [
    ("import pickle\n", "plugins/x/src/crm_x/jobs.py", "pickle"),
    ("from pickle import loads\n", "plugins/x/src/crm_x/jobs.py", "pickle"),
    ("yaml.load(x)\n", "plugins/x/src/crm_x/jobs.py", "yaml.load"),
    ("eval(x)\n", "plugins/x/src/crm_x/jobs.py", "eval"),
    ("exec(x)\n", "plugins/x/src/crm_x/jobs.py", "exec"),
    ("try:\n    x()\nexcept:\n    y()\n", "plugins/x/src/crm_x/jobs.py", "bare except"),
    ("try:\n    x()\nexcept ValueError:\n    pass\n", "plugins/x/src/crm_x/jobs.py", "pass"),
    ("import os\nos.environ['X']\n", "crm_core/src/crm_core/app.py", "environment"),
    ("import os\nos.getenv('X')\n", "plugins/x/src/crm_x/jobs.py", "environment"),
    ("from os import environ\n", "plugins/x/src/crm_x/jobs.py", "environment"),
    ("uow.session.flush()\n", "plugins/x/src/crm_x/rest.py", ".flush()"),
    ("uow.session.flush()\n", "plugins/x/src/crm_x/pages.py", ".flush()"),
    ("session.commit()\n", "plugins/x/src/crm_x/actions.py", ".commit()"),
    ("session.commit()\n", "crm_core/src/crm_core/features/tags/actions.py", ".commit()"),
    ("x = 1\n" * 351, "plugins/x/src/crm_x/actions.py", "351 lines"),
    ("x = 1\n", "plugins/x/src/crm_x/utils.py", "after what it holds"),
]


@pytest.mark.parametrize(("source", "path", "fault"), HOUSE_FAULTS)
def test_house_fault_is_found(source, path, fault):
    assert [text for _, text in house.lint_python(source, path) if fault in text]


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("import os\nx = os.environ\n", "crm_core/src/crm_core/config.py"),
        ("import os\nx = os.environ\n", "crm_core/src/crm_core/testing/databases.py"),
        ("session.commit()\n", "crm_core/src/crm_core/uow.py"),
        ("session.commit()\n", "crm_core/src/crm_core/jobs/rows.py"),
        ("session.flush()\n", "plugins/x/src/crm_x/actions.py"),
        ("yaml.safe_load(x)\nmodel.eval()\n", "plugins/x/src/crm_x/actions.py"),
        ("try:\n    x()\nexcept ValueError:\n    y()\n", "plugins/x/src/crm_x/actions.py"),
    ],
)
def test_allowed_python_passes(source, path):
    assert house.lint_python(source, path) == []


def test_long_function_is_listed_not_failed():
    source = "def long():\n" + "    x()\n" * 41
    assert list(house.long_parts(source)) == [(1, "long: 42 lines")]
    assert house.lint_python(source, "plugins/x/src/crm_x/actions.py") == []


@pytest.mark.parametrize(
    "source",
    [
        "eval('x')",
        "new Function('x')",
        'el.innerHTML = `<b style="color:red">`',
        'html`<b onclick="x()">`',
        "import x from 'https://example.org/x.js'",
        "import('//example.org/x.js')",
        "document.write('x')",
    ],
)
def test_script_fault_is_found(source):
    assert house.lint_script(source)


def test_clean_script_passes():
    assert house.lint_script("import { html } from 'lit';\nel.style.width = '3px';\nhtml`<b @click=${x}></b>`;\n") == []


def test_kernel_size_leaves_features_out(tmp_path):
    for name in ("app.py", "db/model.py", "features/tags/models.py", "testing/plugin.py"):
        path = tmp_path / house.KERNEL / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n" * 10)
    assert house.kernel_lines(tmp_path) == 20


def workspace(root: Path, files: dict[str, str]) -> Path:
    """A small workspace: crm_core, crm_one, and crm_two that requires nothing of crm_one."""
    for name in ("one", "two"):
        project = root / f"plugins/crm_{name}/pyproject.toml"
        project.parent.mkdir(parents=True)
        project.write_text(f'[project]\nname = "crm-{name}"\ndependencies = ["crm-core>=0.1,<0.2"]\n')
    empty = ["uow.py", "secret.py", "plugin/__init__.py", "features/__init__.py", "features/tags/__init__.py"]
    empty += ["features/tags/models.py", "features/tags/public.py", "features/tags/actions.py", "__init__.py"]
    core = {f"crm_core/src/crm_core/{name}": "" for name in empty}
    modules = ["__init__", "plugin", "rest", "pages", "actions", "models", "public", "events"]
    two = {f"plugins/crm_{p}/src/crm_{p}/{name}.py": "" for name in modules for p in ("one", "two")}
    two["plugins/crm_two/src/crm_two/with_one.py"] = "import crm_one.public\n"
    two["plugins/crm_two/src/crm_two/rest.py"] = "import crm_core.uow, crm_core.features.tags.public, crm_two.actions\n"
    for name, text in {**core, **two, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def broken(root: Path) -> bool:
    paths = [root / "crm_core/src", root / "plugins/crm_one/src", root / "plugins/crm_two/src"]
    return bool(imports.check(root, paths))


def test_clean_workspace_keeps_all_contracts(tmp_path):
    assert not broken(workspace(tmp_path, {}))


TWO = "plugins/crm_two/src/crm_two/"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("crm_core/src/crm_core/uow.py", "import crm_core.features.tags.models\n"),
        ("crm_core/src/crm_core/uow.py", "import crm_one.public\n"),
        ("crm_core/src/crm_core/features/tags/models.py", "import crm_core.features.tags.actions\n"),
        (TWO + "rest.py", "import crm_core.secret\n"),
        (TWO + "rest.py", "import crm_core.features.tags.models\n"),
        (TWO + "with_one.py", "import crm_one.models\n"),
        (TWO + "rest.py", "import crm_one.public\n"),
        (TWO + "rest.py", "import crm_two.pages\n"),
        (TWO + "models.py", "import crm_two.actions\n"),
        (TWO + "actions.py", "import crm_two.with_one\n"),
    ],
)
def test_forbidden_import_breaks_a_contract(tmp_path, file, text):
    assert broken(workspace(tmp_path, {file: text}))


def test_required_plugin_may_be_imported_anywhere(tmp_path):
    root = workspace(tmp_path, {TWO + "rest.py": "import crm_one.public\n"})
    project = root / "plugins/crm_two/pyproject.toml"
    project.write_text('[project]\nname = "crm-two"\ndependencies = ["crm-one>=0.1,<0.2"]\n')
    assert not broken(root)


def test_dead_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A title, here\n[a](page.md#a-title-here) `[x](gone.md)` [w](https://example.org) [b](gone.md)\n")
    assert docs.lint(page) == [(2, "no file gone.md")]
    page.write_text("# Title\n[a](#other)\n")
    assert docs.lint(page) == [(2, "no heading #other in page.md")]


def test_pins_carry_no_markers_or_addresses():
    export = "b==2 ; sys_platform == 'win32'\na==1.0\n-e ./crm_core\n"
    assert pins.pins_of(export) == ["a==1.0", "b==2"]
    text = 'x = 1\nconstraint-dependencies = [\n    "old==1",\n]\ny = 2\n'
    assert pins.with_pins(text, ["a==1.0"]) == 'x = 1\nconstraint-dependencies = [\n    "a==1.0",\n]\ny = 2\n'
