"""The pages about rights in a browser: accessible, on a narrow screen, without scripts, and the bar of a view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from crm_looks import look_all_ways, violations
from playwright.sync_api import Page

Open = Callable[..., Page]
PATHS = (
    "/roles/{role}/rights", "/roles/{role}/fields?entity=core.company", "/companies/{company}/access",
    "/users/{user}/hand-over",
)  # fmt: skip


@pytest.fixture(scope="module")
def ids(site: Any) -> dict[str, str]:
    """A sales rep with a company that is shared, by name."""

    def post(path: str, body: dict[str, Any]) -> Any:
        answer = site.api.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    role = next(r["id"] for r in site.api.get("/roles").json()["items"] if r["name"] == "Sales")
    user = post("/users", {"name": "Bob", "email": "bob@example.com", "roles": [{"role_id": role}]})["id"]
    other = post("/users", {"name": "Eve", "email": "eve@example.com"})["id"]
    company = post("/companies", {"name": "Harbour Tools", "owner_id": user})["id"]
    post(f"/companies/{company}/shares", {"user_id": other})
    return {"role": role, "user": user, "company": company}


@pytest.mark.parametrize("path", PATHS)
def test_page_is_accessible_in_both_themes_and_fits_a_narrow_screen(
    open_page: Open, ids: dict[str, str], path: str
) -> None:
    look_all_ways(open_page(path.format(**ids)), path.rpartition("/")[2].partition("?")[0])


def test_grid_and_sharing_work_without_scripts(open_page: Open, ids: dict[str, str]) -> None:
    page = open_page(PATHS[0].format(**ids), scripts=False)
    page.locator('select[name="core.company.read"]').select_option("team")
    page.get_by_role("button", name="Save").click()
    assert page.locator('select[name="core.company.read"]').input_value() == "team"
    page = open_page(PATHS[2].format(**ids), scripts=False)
    page.get_by_role("button", name="Stop sharing with Eve").click()
    assert page.get_by_text("This record is shared with nobody.").is_visible()


def test_bar_of_a_view_leads_back(open_page: Open, ids: dict[str, str]) -> None:
    page = open_page("/users/{user}".format(**ids))
    page.get_by_role("button", name="View as").click()
    page.get_by_text("You see the CRM as Bob does.").wait_for()
    assert not violations(page)
    page.get_by_role("button", name="Back to my own view").click()
    page.wait_for_url("**/users/{user}".format(**ids))
    assert page.get_by_text("You see the CRM as Bob does.").count() == 0
