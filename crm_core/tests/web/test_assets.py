"""Addresses of static files, the import map, and what is never served."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from crm_core.web.assets import Assets, icon_svg


@pytest.fixture
def assets() -> Assets:
    return Assets(["crm_core"])


def test_import_map_names_libraries_packages_and_elements(assets: Assets) -> None:
    imports = json.loads(assets.import_map)["imports"]
    assert imports["htmx"].startswith("/static/ui/")
    assert imports["crm_core/"] == assets.url("crm_core", "")
    assert imports["#el/crm-picker"].endswith("/elements/crm-picker.js")


def test_policy_hash_is_that_of_the_import_map(assets: Assets) -> None:
    digest = hashlib.sha256(str(assets.import_map).encode()).digest()
    assert assets.csp_hash == base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    "path", ["../pyproject.toml", "/etc/passwd", "elements/../../app.py", "nothing.js", "a\0.js", ""]
)
def test_files_outside_the_static_folder_are_not_found(assets: Assets, path: str) -> None:
    assert assets.find("crm_core", path) is None


def test_unknown_package_and_type_are_not_found(assets: Assets, tmp_path: Path) -> None:
    assert assets.find("os", "path.py") is None
    (tmp_path / "page.html").write_text("<script>")
    assets.roots["other"] = (tmp_path, "x")
    assert assets.find("other", "page.html") is None


def test_icon_escapes_its_class_and_falls_back_to_a_circle() -> None:
    assert '"><script>' not in icon_svg("home", '"><script>')
    assert "<svg" in icon_svg("no-such-icon-anywhere")
