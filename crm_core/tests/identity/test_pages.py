"""Log-in, log-out and account as a person sees them, without JavaScript; and the database being away."""

from __future__ import annotations

import random
import re
from typing import Any

import httpx2
import pytest
from crm_core.app import create_app
from crm_core.config import Config
from crm_core.features.session.pages import local_path
from crm_core.kernel import open_kernel
from crm_core.plugin.registry import Registry

ADMIN = "admin@example.com"
SECRET = "quite a long secret"


@pytest.fixture
async def visitor(browser: Any, person: Any) -> Any:
    await person(ADMIN, "admin")
    return browser()


def form_token(html: str) -> str:
    found = re.search(r'name="_csrf" value="([0-9a-f]{64})"', html)
    assert found is not None
    return found[1]


async def test_person_signs_in_by_form_and_out_again(visitor: Any) -> None:
    page = await visitor.client.get("/login?next=/account")
    assert page.status_code == 200
    assert 'value="/account"' in page.text
    answer = await visitor.client.post("/login", data={"email": ADMIN, "password": SECRET, "next": "/account"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    account = await visitor.client.get("/account")
    assert account.status_code == 200, account.text
    left = await visitor.client.post("/logout", data={"_csrf": form_token(account.text)})
    assert (left.status_code, left.headers["location"]) == (303, "/login")
    assert (await visitor.client.get("/account")).headers["location"] == "/login?next=/account"


async def test_wrong_password_comes_back_with_the_address_typed(visitor: Any) -> None:
    answer = await visitor.client.post("/login", data={"email": ADMIN, "password": "no", "next": "/x"})
    assert answer.status_code == 422
    assert f'value="{ADMIN}"' in answer.text
    assert "is wrong" in answer.text
    german = await visitor.client.post(
        "/login", data={"email": '"><script>', "password": "no"}, headers={"accept-language": "de-DE,de;q=0.9"}
    )
    assert '<html lang="de"' in german.text
    assert "<script>" not in german.text.partition("<body")[2]


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nx: y",
        "\t//evil",
        "",
        "/login",
    ],
)
async def test_sign_in_never_leads_elsewhere(target: str) -> None:
    assert local_path(target) == "/"


HOME = "https://crm.example"
PIECES = (
    "/", "//", "\\", "/\\", "\t", "\n", "\r\n", "\x00", "\x0b", " ",
    "\u2028", "\u3000", "\uff0f", "\u2215", "%2f", "%5c", "%0d%0a",
    ".", "..", "%2e%2e", ":", "@", "?", "#", ";", "&", "http:", "https:", "javascript:", "data:", "evil.example",
    "crm.example", "crm.example.evil.example", "[::1]", "3232235777", "x", "contacts", "?next=//evil.example",
)  # fmt: skip


def opened(target: str) -> tuple[str, str]:
    """Return scheme and host that a browser at HOME would go to: WHATWG's rules for what a relative address is."""
    text = "".join(c for c in target.strip("".join(map(chr, range(33)))) if c not in "\t\r\n")
    scheme = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", text)
    if scheme and scheme[0].lower() not in ("http:", "https:"):
        return scheme[0].lower(), ""
    text = text[scheme.end() :] if scheme else text
    slashes = re.match(r"[/\\\\]*", text)
    assert slashes is not None
    if scheme is None and len(slashes[0]) < 2:
        return "https:", "crm.example"
    return "https:", re.split(r"[/\\\\?#]", text[slashes.end() :].rpartition("@")[2] or "nobody")[0]


@pytest.mark.counted
def test_no_mutation_of_where_to_go_next_leads_elsewhere(full: bool) -> None:
    """T12: of each text, what `local_path` lets through stays at home in a browser and cannot end a header."""
    chance, number = random.Random(12), 50_000 if full else 2_500
    assert [opened(t)[1] for t in ("//a", "/\\a", "https:/a", "\t//a", "/a", "a")] == ["a"] * 4 + ["crm.example"] * 2
    kept, elsewhere = 0, []
    for _text in range(number):
        given = "/contacts?q=a#b" if chance.random() < 0.3 else "".join(chance.choices(PIECES, k=chance.randint(1, 6)))
        place = chance.randrange(len(given) + 1)
        given = given[:place] + chance.choice(PIECES) + given[place + chance.randint(0, 1) :]
        found = local_path(given)
        kept += found != "/"
        if opened(found) != ("https:", "crm.example") or re.search(r"[\x00-\x1f]", found):
            elsewhere.append(given)
    print(f"T12: N = {number} mutated targets, {kept} kept as paths of ours, {len(elsewhere)} elsewhere")
    assert elsewhere == []
    assert kept > number / 20


async def test_paths_of_ours_are_kept() -> None:
    assert local_path("/contacts?q=a&sort=-name#x") == "/contacts?q=a&sort=-name#x"


async def test_person_makes_and_revokes_a_token_and_sets_a_password(visitor: Any, browser: Any) -> None:
    await visitor.client.post("/login", data={"email": ADMIN, "password": SECRET})
    token = form_token((await visitor.client.get("/account")).text)
    made = await visitor.client.post(
        "/account/tokens", data={"_csrf": token, "name": "my robot", "days": "30", "scope": "read"}
    )
    shown = re.search(r"crm_[\w-]{43}", made.text)
    assert shown is not None
    assert made.headers["cache-control"] == "no-store"
    bearer = {"authorization": f"Bearer {shown[0]}"}
    assert (await browser().client.get("/api/v1/session", headers=bearer)).json()["scopes"] == ["read"]
    page = await visitor.client.get("/account")
    assert shown[0] not in page.text
    revoke = re.search(r'action="(/account/tokens/[\w-]+/revoke)"', page.text)
    assert revoke is not None
    assert (await visitor.client.post(revoke[1], data={"_csrf": token})).status_code == 303
    assert (await browser().client.get("/api/v1/session", headers=bearer)).status_code == 401
    form = {"_csrf": token, "current": "no", "password": "another long secret", "again": "another long secret"}
    assert (await visitor.client.post("/account/password", data=form)).status_code == 422
    changed = await visitor.client.post("/account/password", data={**form, "current": SECRET})
    assert changed.status_code == 303
    assert await browser().sign_in(ADMIN, "another long secret") == 201


async def test_other_sessions_end_and_this_one_stays(visitor: Any, browser: Any) -> None:
    other = browser()
    await other.sign_in(ADMIN)
    await visitor.client.post("/login", data={"email": ADMIN, "password": SECRET})
    token = form_token((await visitor.client.get("/account")).text)
    assert (await visitor.client.post("/account/sessions/revoke", data={"_csrf": token})).status_code == 303
    assert (await other.call("GET", "/api/v1/session")).status_code == 401
    assert (await visitor.client.get("/account")).status_code == 200


async def test_database_away_is_said_with_503_and_a_time_to_come_back(base_config: Config, registry: Registry) -> None:
    away = base_config.but(database_url="postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    kernel = await open_kernel(away, registry=registry)
    wire = httpx2.ASGITransport(create_app(kernel), raise_app_exceptions=False)  # type: ignore[arg-type]  # Litestar's types
    async with httpx2.AsyncClient(transport=wire, base_url="http://testserver.local") as client:
        bearer = {"authorization": "Bearer crm_x"}
        for path, headers in (("/login", {}), ("/api/v1/contacts", bearer), ("/api/v1/session", {"cookie": "crm=x"})):
            answer = await client.get(path, headers={"accept": "text/html", **headers})
            assert answer.status_code == 503, (path, answer.text)
            assert int(answer.headers["retry-after"]) > 0
        assert (await client.get("/health")).status_code == 200
        problem = (await client.get("/api/v1/contacts", headers=bearer)).json()
        assert problem["code"] == "core.unavailable"
        assert "127.0.0.1" not in problem["detail"]
    await kernel.close()
