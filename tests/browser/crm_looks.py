"""What every page is checked for: axe finds nothing, and nothing is wider than the window.

`CRM_SHOTS=folder` keeps a picture of each page that is looked at.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "iframes": False,  # frames hold what others wrote
}
SHOTS = os.environ.get("CRM_SHOTS", "")
LATE = "crm-picker:not(:defined), .slot-wait, .list-groups > .btn"  # what comes by a request of its own
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_AXE = Axe()
# Colours fade from one theme to the other: axe must not look half-way. A hidden animation never ends.
FADED = """Promise.race([new Promise((done) => setTimeout(done, 2000)), Promise.all(document.getAnimations()
  .filter((a) => a.effect.getComputedTiming().iterations !== Infinity).map((a) => a.finished.catch(() => null)))])
  .then(() => null)"""


def violations(page: Page) -> list[tuple[str, list[str]]]:
    """Return what axe finds: the rule, and the first elements that break it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.axe_script)
    found: dict[str, Any] = page.evaluate("rules => axe.run(rules)", RULES)
    return [(v["id"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found["violations"]]


def settled(page: Page) -> None:
    """Wait for panels, pickers and groups that load by themselves."""
    expect(page.locator(LATE)).to_have_count(0, timeout=15_000)


def keep(page: Page, name: str) -> None:
    """Keep a picture when asked to."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def look(page: Page, name: str, *, axe: bool = True) -> None:
    """Keep a picture; no page is wider than the window, and axe finds nothing. axe: False without scripts."""
    if axe:
        settled(page)
    keep(page, name)
    if not axe:
        return
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name}: {wide} px wider than the window"
    if found := violations(page):
        page.wait_for_timeout(500)  # a busy machine may still be painting: what is wrong stays wrong
        found = violations(page)
    assert not found, (name, found)


def look_all_ways(page: Page, name: str) -> None:
    """Look at one loaded page in light and dark, on a wide and on a narrow screen."""
    for width in (1360, 360):
        page.set_viewport_size({"width": width, "height": 860})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            page.evaluate(FADED)
            look(page, f"{name}-{theme}-{width}")
