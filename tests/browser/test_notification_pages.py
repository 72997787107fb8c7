"""Notifications, comments, followers, favourites, views and reminders in a browser.

`CRM_SHOTS=folder` keeps a picture of each page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from crm_core.auth.actor import system
from crm_core.config import Config
from crm_looks import look, look_all_ways, settled
from playwright.sync_api import Page, expect


async def tell(config: Config, about: str) -> None:
    """Tell everybody who may read it of a record, in several kinds."""
    import sqlalchemy as sa
    from crm_core.auth.people import User
    from crm_core.features.notifications.public import notify
    from crm_core.i18n import Strings
    from crm_core.jobs.runner import run_due
    from crm_core.kernel import open_kernel
    from crm_core.plugin import Ref

    _ = Strings("crm_core")
    kernel = await open_kernel(config)
    try:
        for kind, text in (
            ("core.assigned", _("{what} given to you", what=_("Company"))),
            ("core.comment", _("New comment: {what}", what=_("Company"))),
            ("core.reminder", _("Reminder: {what}", what=_("Company"))),
            ("core.mention", _("You were mentioned: {what}", what=_("Company"))),
        ):
            async with kernel.write(system("test")) as uow:
                people = list(await uow.session.scalars(sa.select(User.id)))
                note = "Please look at their offer before Friday, they compare us with two others."
                await notify(uow, people, kind, Ref.parse(about), text, note=note, late=kind == "core.reminder")
            await run_due(kernel)
    finally:
        await kernel.close()


@pytest.fixture(scope="module")
def about(site: Any) -> str:
    """A company with comments, views and news about it."""
    made = site.api.post("/companies", json={"name": "Harbour Tools and Machines of the North"}).json()
    reference = f"core.company:{made['id']}"
    site.api.post("/comments", json={"parent": reference, "body": "They asked for a discount.\nI said no."})
    site.api.put(f"/favourites/{reference}")
    site.api.post("/reminders", json={"about": reference, "at": "2031-05-04T09:00:00+00:00", "note": "Call again"})
    for name, share in (("My companies", "private"), ("All companies by name", "everyone")):
        state = {"sort": "name", "columns": ["name", "gone"] if share == "everyone" else []}
        site.api.post("/views", json={"name": name, "entity": "core.company", "share": share, "state": state})
    with ThreadPoolExecutor(1) as pool:  # the browser has a loop of its own in this thread
        pool.submit(asyncio.run, tell(site.config, reference)).result()
    return reference


PAGES = (
    "/notifications", "/account/notifications", "/comments/on?of={about}", "/follows/on?of={about}", "/follows",
    "/favourites", "/views?of=core.company&at=sort%3Dname", "/reminders/on?of={about}", "/companies/{id}", "/companies",
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(PAGES)))
def test_pages_are_sound_in_both_themes_narrow_and_without_scripts(
    open_page: Callable[..., Page], about: str, number: int
) -> None:
    path = PAGES[number].format(about=about, id=about.partition(":")[2])
    name = path.split("?")[0].strip("/").replace("/", "-")[:24]
    look_all_ways(open_page(path), f"{number}-{name}")
    assert open_page(path, scripts=False).locator("h1").count() == 1


def test_typing_a_name_offers_people_and_the_keyboard_takes_one(
    open_page: Callable[..., Page], about: str, site: Any
) -> None:
    site.api.post("/users", json={"name": "Grace Hopper", "email": "grace@example.test"})
    page = open_page(f"/comments/on?of={about}")
    field = page.get_by_label("Write a comment")
    field.press_sequentially("Ask @")
    field.press_sequentially("gra")
    page.wait_for_timeout(600)
    look(page, "mentions")
    options = page.get_by_role("option")
    if options.count():  # she may read the company only with a role
        page.keyboard.press("Enter")
        assert "Grace Hopper" in field.input_value()
    page.keyboard.press("Escape")


def test_star_eye_and_bell_work_on_the_record(open_page: Callable[..., Page], about: str) -> None:
    page = open_page(f"/companies/{about.partition(':')[2]}")
    star = page.get_by_role("button", name="Favourite")
    expect(star).to_have_attribute("aria-pressed", "true")
    star.click()
    expect(page.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Favourite").click()
    page.get_by_role("button", name="Follow this").click()
    page.get_by_role("link", name="Notifications:").click()
    page.get_by_role("button", name="You were mentioned").click()
    expect(page).to_have_url(page.url)
    assert "/companies/" in page.url


def test_bell_counts_anew_when_something_happens(open_page: Callable[..., Page], about: str, site: Any) -> None:
    page = open_page("/account/notifications")
    settled(page)
    for _attempt in range(10):  # the page may not listen yet when the first one is told of
        site.api.post("/notifications/read-all", json={})
        page.wait_for_timeout(500)
        if not page.locator(".bell-count").count():
            break
    expect(page.locator(".bell-count")).to_have_count(0)
