"""Rates, legal entities, number series, the organisation's settings and its logo in a browser: looks, axe, narrow."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crm_looks import look_all_ways
from PIL import Image, ImageDraw
from playwright.sync_api import Page

OpenPage = Callable[..., Page]
PAGES = (
    "/rates", "rate", "/rates/new", "/legal-entities", "legal_entity", "/number-series", "series", "series/edit",
    "/settings/core.organisation", "/settings/core.money", "/settings/core.calendar", "/organisation/logo",
)  # fmt: skip


def a_logo() -> bytes:
    out, image = io.BytesIO(), Image.new("RGBA", (480, 120), (0, 0, 0, 0))
    drawing = ImageDraw.Draw(image)
    drawing.rounded_rectangle((0, 10, 100, 110), 20, fill=(31, 90, 200))
    drawing.rectangle((130, 40, 460, 80), fill=(20, 30, 60))
    image.save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def paths(site: Any) -> dict[str, str]:
    def made(path: str, **body: Any) -> str:
        answer = site.api.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    entity = made("/legal-entities", name="Nordlicht Trading GmbH", street="Am Sandtorkai 30", postcode="20457",
                  city="Hamburg", country="DE", vat_id="DE999999999", is_default=True)  # fmt: skip
    series = made("/number-series", name="Quotes", kind="quotes.quote", pattern="Q-{year}-{number:05}", reset="fiscal",
                  legal_entity_id=entity)  # fmt: skip
    made("/deals", name="Boston", amount="1250", amount_currency="USD")
    rate = made("/rates", currency="USD", valid_from="2026-01-01", rate="0.92")
    made("/rates", currency="GBP", valid_from="2026-01-01", rate="1.17")
    logo = {"picture": base64.b64encode(a_logo()).decode()}
    assert site.api.patch("/settings/core.logo", json=logo).status_code == 200
    return {"legal_entity": f"/legal-entities/{entity}", "series": f"/number-series/{series}", "rate": f"/rates/{rate}"}


@pytest.mark.parametrize("which", PAGES)
def test_pages_of_money_and_organisation_look_right(open_page: OpenPage, paths: dict[str, str], which: str) -> None:
    name, slash, rest = which.partition("/")
    page = open_page(paths[name] + slash + rest if name else which)
    look_all_ways(page, which.strip("/").replace("/", "-"))


def test_a_logo_is_chosen_and_removed_without_scripts(
    open_page: OpenPage, paths: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "logo.png").write_bytes(a_logo())
    page = open_page("/organisation/logo", scripts=False)
    page.get_by_role("button", name="Remove").click()
    assert page.locator(".brand-logo").count() == 0
    page.set_input_files("#picture", tmp_path / "logo.png")
    page.get_by_role("button", name="Save").click()
    assert page.locator(".brand-logo").count() == 1
