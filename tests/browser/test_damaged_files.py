"""A file whose bytes are gone is marked where it hangs, and its record stays whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from crm_core.blobs import BlobStore
from crm_looks import violations
from playwright.sync_api import Page, expect


@pytest.mark.parametrize(("theme", "width"), [("light", 1360), ("dark", 360)])
def test_missing_file_is_marked(open_page: Callable[..., Page], site: Any, theme: str, width: int) -> None:
    made = site.api.post("/companies", json={"name": f"Missing AG {theme}"}).json()
    of = f"core.company:{made['id']}"
    for name, content in (("gone.pdf", b"gone " + theme.encode()), ("kept.pdf", b"kept")):
        sent = site.api.post("/files/upload", files={"file": (name, content)}, data={"parent": of}).json()
        if name == "gone.pdf":
            BlobStore(site.config.files).path(sent["sha256"]).unlink()
    page = open_page(f"/files/on?of={of}", theme=theme, width=width)
    expect(page.get_by_text("Missing in the store")).to_be_visible()
    expect(page.get_by_role("link", name="kept.pdf")).to_be_visible()
    assert page.get_by_role("link", name="gone.pdf").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not violations(page)
