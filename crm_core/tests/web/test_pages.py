"""The generic pages of the built-in entities, as their users meet them."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import httpx2
import pytest

HTMX = {"hx-request": "true"}


async def create(client: httpx2.AsyncClient, path: str, **values: Any) -> str:
    """Send a new-record form; return the record's address."""
    answer = await client.post(f"/{path}/new", data=values)
    assert answer.status_code == 303, answer.text[:3000]
    return str(answer.headers["location"])


@pytest.fixture
async def client(as_user: Any) -> httpx2.AsyncClient:
    return (await as_user("admin")).client


async def test_form_creates_a_record_with_its_lines_and_goes_to_its_page(client: httpx2.AsyncClient) -> None:
    data = {
        "first_name": "Grace",
        "last_name": "Hopper",
        "emails-row": ["0", "1"],
        "emails-0-address": "g@example.com",
        "emails-0-kind": "work",
        "emails-1-address": "h@example.com",
        "emails-1-kind": "home",
    }
    page = await client.get(await create(client, "contacts", **data))
    assert page.status_code == 200
    assert "Grace Hopper" in page.text
    assert "g@example.com" in page.text
    assert "h@example.com" in page.text
    assert "Contact created." in page.text
    assert "created this" in page.text


async def test_bad_form_comes_back_with_what_was_typed_and_changes_nothing(client: httpx2.AsyncClient) -> None:
    answer = await client.post(
        "/contacts/new", data={"first_name": "Grace", "emails-row": "0", "emails-0-address": "no"}
    )
    assert answer.status_code == 422
    assert 'value="Grace"' in answer.text
    assert len(re.findall(r'aria-invalid="true"', answer.text)) == 2
    assert answer.text.count(" autofocus") == 1
    assert "Grace" not in (await client.get("/contacts")).text


async def test_text_of_users_is_never_markup(client: httpx2.AsyncClient) -> None:
    evil = '"><script>alert(1)</script>'
    address = await create(client, "contacts", first_name=evil, last_name=evil, description=evil)
    for path in (
        address,
        f"{address}/edit",
        f"{address}/timeline",
        f"{address}/delete",
        "/contacts",
        "/",
        "/search?q=alert",
    ):
        answer = await client.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text, path
    bad = await client.get("/contacts", params={"q": evil, "f.name": evil})
    assert "<script>alert" not in bad.text


async def test_two_people_editing_one_field_see_both_values(client: httpx2.AsyncClient, as_user: Any) -> None:
    address = await create(client, "contacts", last_name="Hopper", job_title="Captain")
    api = (await as_user("admin")).api
    await api.patch(address.replace("/contacts", "/contacts"), {"job_title": "Commodore"})
    form = {"last_name": "Hopper", "job_title": "Admiral", "version": "1"}
    clash = await client.post(f"{address}/edit", data=form)
    assert clash.status_code == 409
    assert "Admiral" in clash.text
    assert "Commodore" in clash.text
    version = re.search(r'name="version" value="(\d+)"', clash.text)
    assert version
    saved = await client.post(f"{address}/edit", data=form | {"version": version[1]})
    assert saved.status_code == 303
    assert (await api.get(address))["job_title"] == "Admiral"


async def test_deleted_record_is_in_the_trash_and_comes_back(client: httpx2.AsyncClient) -> None:
    address = await create(client, "companies", name="Globex")
    assert (await client.get(f"{address}/delete")).status_code == 200
    assert (await client.post(f"{address}/delete")).status_code == 303
    assert "Globex" not in (await client.get("/companies")).text.replace("Globex is in the trash", "")
    assert "Globex" in (await client.get("/companies?trash=1")).text
    assert "in the trash" in (await client.get(address)).text
    assert (await client.post(f"{address}/restore")).status_code == 303
    assert "Globex" in (await client.get("/companies")).text


async def test_list_filters_by_address_and_names_the_filter(client: httpx2.AsyncClient) -> None:
    one = await create(client, "companies", name="Globex")
    await create(client, "contacts", last_name="Insider", company_id=one.rpartition("/")[2])
    await create(client, "contacts", last_name="Outsider")
    page = await client.get("/contacts", params={"f.company_id": one.rpartition("/")[2]})
    assert "Insider" in page.text
    assert "Outsider" not in page.text
    assert 'class="chip-text">Globex<' in page.text
    found = await client.get("/contacts", params={"q": "outs"})
    assert "Outsider" in found.text
    assert "Insider" not in found.text
    assert "Nothing found" in (await client.get("/contacts", params={"q": "zzz"})).text


async def test_more_rows_come_alone_when_the_button_asks(client: httpx2.AsyncClient, as_user: Any) -> None:
    api = (await as_user("admin")).api
    for number in range(53):
        await api.post("/companies", {"name": f"Company {number:02}"})
    page = await client.get("/companies")
    assert page.text.count('class="cell-title"') == 50
    more = re.search(r'id="more" href="([^"]+)"', page.text)
    assert more
    rest = await client.get(more[1].replace("&amp;", "&"), headers=HTMX | {"hx-target": "tbody#rows"})
    assert rest.text.count('class="cell-title"') == 3
    assert "<html" not in rest.text
    whole = await client.get(more[1].replace("&amp;", "&"))
    assert "<html" in whole.text
    assert whole.headers["vary"] == "HX-Request"


async def test_link_typed_as_text_is_found_or_asked_back(client: httpx2.AsyncClient, as_user: Any) -> None:
    api = (await as_user("admin")).api
    for name in ("Globex", "Initech North", "Initech South"):
        await api.post("/companies", {"name": name})
    address = await create(client, "contacts", last_name="Hopper", company_id__text="globex")
    assert "Globex" in (await client.get(address)).text
    asked = await client.post("/contacts/new", data={"last_name": "Hopper", "company_id__text": "initech"})
    assert asked.status_code == 422
    assert "Initech North" in asked.text
    assert 'type="radio" name="company_id"' in asked.text


async def test_bulk_deletion_asks_first_and_then_does_it(client: httpx2.AsyncClient) -> None:
    ids = [(await create(client, "companies", name=n)).rpartition("/")[2] for n in ("One", "Two")]
    asked = await client.post("/companies/bulk", data={"action": "delete", "id": ids})
    assert asked.status_code == 200
    assert "Move 2 records to the trash?" in asked.text
    done = await client.post("/companies/bulk", data={"action": "delete", "id": ids, "sure": "1"})
    assert done.status_code == 303
    assert "No companies yet" in (await client.get("/companies")).text


@pytest.mark.parametrize(
    "path", ["/contacts/{id}", "/contacts/{id}/edit", "/contacts/{id}/timeline", "/contacts/{id}/delete"]
)
async def test_hidden_record_is_not_found(client: httpx2.AsyncClient, as_user: Any, path: str) -> None:
    address = await create(client, "contacts", last_name="Secret")
    other = (await as_user("sales", "somebody else")).client
    answer = await other.get(path.replace("{id}", address.rpartition("/")[2]), headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "Secret" not in answer.text


async def test_buttons_are_only_those_the_actor_may_use(as_user: Any) -> None:
    reader = (await as_user("readonly")).client
    page = await reader.get("/contacts")
    assert page.status_code == 200
    assert "/contacts/new" not in page.text
    assert (await reader.get("/contacts/new", headers={"accept": "text/html"})).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/search",
        "/search?q=a",
        "/palette",
        "/palette?q=con",
        "/settings",
        "/dev/styleguide",
        "/contacts?sort=nonsense",
        "/contacts?columns=nonsense",
        "/contacts/new?company_id=nonsense",
        "/contacts?f.nonsense=1",
        "/tags/names?q=v",
        "/pick?q=x",
        "/companies/pick",
        "/companies/pick?q=g",
        "/slots/record.panels?entity=core.contact",
        "/slots/nowhere",
    ],
)
async def test_pages_take_what_people_and_old_links_send(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200, answer.text[:2000]


@pytest.mark.parametrize("path", ["/contacts?filter=no", "/contacts?cursor=no", "/contacts?f.last_activity_at=no"])
async def test_addresses_that_mean_nothing_are_refused_kindly(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 422, answer.text[:500]


async def test_every_entity_has_working_list_and_form(client: httpx2.AsyncClient, registry: Any) -> None:
    for entity in registry.entities.values():
        for path in (f"/{entity.path}", f"/{entity.path}/new"):
            answer = await client.get(path, headers={"accept": "text/html"})
            assert answer.status_code == 200, (path, answer.text[:1500])


async def test_settings_are_saved_and_bad_ones_come_back(client: httpx2.AsyncClient) -> None:
    page = await client.get("/settings/core.organisation")
    if page.status_code == 404:
        page = await client.get("/settings")
    name = re.search(r'action="/settings/([^"]+)"', page.text)
    assert name
    data = dict(re.findall(r'<input[^>]*name="(\w+)" [^>]*value="([^"]*)"', page.text))
    data |= {"locale": "de", "zone": "Europe/Berlin"}
    saved = await client.post(f"/settings/{name[1]}", data=data)
    assert saved.status_code == 303, saved.text[:1000]


async def test_palette_offers_places_and_records(client: httpx2.AsyncClient) -> None:
    await create(client, "companies", name="Globex")
    found = await client.get("/palette?q=glob", headers=HTMX | {"hx-target": "div#palette-list"})
    assert "Globex" in found.text
    assert "<html" not in found.text
    assert "New contact" in (await client.get("/palette?q=new", headers=HTMX)).text


async def test_palette_offers_what_can_be_done_with_the_record_on_the_page(as_user: Any) -> None:
    admin, guest = await as_user("admin"), await as_user("readonly", "reader")
    deal = (await admin.api.post("/deals", {"name": "Order", "amount": "100"}))["id"]
    here = HTMX | {"hx-current-url": f"http://testserver.local/deals/{deal}?x=1"}

    async def offers(who: Any, headers: dict[str, str], words: str = "") -> set[str]:
        shown = await who.client.get("/palette", params={"q": words}, headers=headers)
        return set(re.findall(rf"/deals/{deal}/do/(\w+)", shown.text))

    assert {"win", "lose", "move"} <= await offers(admin, here)
    assert await offers(admin, here, "won") == {"win"}
    assert "reopen" not in await offers(admin, here)
    assert await offers(guest, here) == set()
    for elsewhere in ("/deals", "/", f"/nothing/{deal}", "/deals/nothing", f"/deals/{UUID(int=7)}", "//[", ""):
        assert await offers(admin, HTMX | {"hx-current-url": f"http://testserver.local{elsewhere}"}) == set()
    assert await offers(admin, HTMX | {"hx-current-url": f"http://[/deals/{deal}"}) == set()
    assert (await admin.client.get(f"/deals/{deal}/do/win")).status_code == 200
    await admin.client.post(f"/deals/{deal}/do/win")
    assert {"reopen"} <= await offers(admin, here)


async def test_static_files_are_kept_for_ever_only_under_their_digest(client: httpx2.AsyncClient, app: Any) -> None:
    address = app.state.web.assets.url("crm_core", "boot.js")
    right = await client.get(address)
    assert right.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert right.headers["content-type"].startswith("text/javascript")
    digest = address.split("/")[3]
    assert (await client.get(address.replace(digest, "000000000000"))).headers["cache-control"] == "no-cache"
    assert (await client.get("/static/crm_core/x/..%2f..%2fapp.py")).status_code == 404


async def test_record_ids_are_uuids_in_pages(client: httpx2.AsyncClient) -> None:
    address = await create(client, "companies", name="Globex")
    assert UUID(address.rpartition("/")[2]).version == 7
