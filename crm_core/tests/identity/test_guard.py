"""What is refused before a route is known, and the headers of every answer."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from crm_core.config import Config
from crm_core.errors import StartupError
from crm_core.web.security import BODY_LIMIT, demand_safe_address
from litestar import Litestar

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
ADMIN = "admin@example.com"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def signed_in(browser: Any, person: Any) -> Any:
    await person(ADMIN, "admin")
    one = browser()
    await one.sign_in(ADMIN)
    return one


@pytest.mark.parametrize("path", ["/login", "/api/v1/session", "/no/such/page", "/api/v1/nothing", "/health"])
async def test_every_answer_carries_the_policy(browser: Any, path: str) -> None:
    headers = (await browser().call("GET", path)).headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


async def test_import_map_is_allowed_by_its_hash(browser: Any, app: Litestar) -> None:
    policy = (await browser().call("GET", "/health")).headers["content-security-policy"]
    assert f"'sha256-{app.state.web.assets.csp_hash}'" in policy


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "testserver.local.evil.example", "testserver.local@evil.example", "", "[::1]"],
)
async def test_foreign_host_is_refused(browser: Any, host: str) -> None:
    answer = await browser().call("GET", "/login", headers={"host": host})
    assert answer.status_code == 421
    assert "evil" not in answer.text


async def test_forwarded_host_leads_nowhere(browser: Any, signed_in: Any) -> None:
    headers = {"x-forwarded-host": "evil.example", "forwarded": "host=evil.example", "x-host": "evil.example"}
    for path in ("/", "/login", "/account"):
        answer = await browser().call("GET", path, headers=headers)
        assert "evil" not in answer.text + str(answer.headers)


async def test_health_answers_under_any_name(browser: Any) -> None:
    assert (await browser().call("GET", "/health", headers={"host": "10.0.0.7:8000"})).status_code == 200


async def test_cookie_alone_changes_nothing(signed_in: Any) -> None:
    refused = [
        await signed_in.client.post("/api/v1/tokens", json={"name": "x"}),
        await signed_in.client.post("/api/v1/tokens", content='{"name":"x"}', headers={"content-type": "text/plain"}),
        await signed_in.client.post("/account/tokens", content="name=x", headers=FORM),
        await signed_in.client.post("/account/tokens", content=f"name=x&_csrf={'0' * 64}", headers=FORM),
        await signed_in.client.post("/account/tokens", files={"name": (None, "x")}),
        await signed_in.client.post("/api/v1/tokens", json={"name": "x"}, headers={"x-csrf-token": "0" * 64}),
        await signed_in.client.post("/logout", content="", headers=FORM),
    ]
    assert [a.status_code for a in refused] == [403] * len(refused)
    tokens = await signed_in.call("GET", "/api/v1/tokens")
    assert (tokens.status_code, tokens.json()["items"]) == (200, [])


async def test_token_of_another_session_is_refused(signed_in: Any, browser: Any) -> None:
    other = browser()
    await other.sign_in(ADMIN)
    answer = await signed_in.client.post("/api/v1/tokens", json={"name": "x"}, headers={"x-csrf-token": other.csrf})
    assert answer.status_code == 403


async def test_form_with_its_token_is_taken(signed_in: Any) -> None:
    answer = await signed_in.client.post(
        "/account/tokens", content=f"_csrf={signed_in.csrf}&name=mine&days=30", headers=FORM
    )
    assert answer.status_code == 200, answer.text
    answer = await signed_in.client.post(
        "/account/tokens", files={"_csrf": (None, signed_in.csrf), "name": (None, "two")}
    )
    assert answer.status_code == 200
    found = (await signed_in.call("GET", "/api/v1/tokens")).json()["items"]
    assert {t["name"] for t in found} == {"mine", "two"}


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver.local.evil.example"},
    ],
)
async def test_other_sites_cannot_send_even_the_right_token(signed_in: Any, headers: dict[str, str]) -> None:
    answer = await signed_in.call("POST", "/api/v1/tokens", json={"name": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "core.foreign_request")


async def test_other_sites_cannot_sign_anybody_in(browser: Any, person: Any) -> None:
    await person(ADMIN, "admin")
    body = {"email": ADMIN, "password": "quite a long secret"}
    answer = await browser().client.post("/login", data=body, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_method_override_is_not_a_thing(signed_in: Any) -> None:
    answer = await signed_in.client.get("/logout", headers={"x-http-method-override": "POST"})
    assert answer.status_code == 405
    assert (await signed_in.call("GET", "/api/v1/session")).status_code == 200


async def test_token_in_the_header_needs_no_form_token_and_reads_no_cookie(signed_in: Any, browser: Any) -> None:
    made = (await signed_in.call("POST", "/api/v1/tokens", json={"name": "x"})).json()["token"]
    stranger = browser()
    bearer = {"authorization": f"Bearer {made}", "sec-fetch-site": "cross-site"}
    assert (await stranger.client.get("/api/v1/session", headers=bearer)).status_code == 200
    bad = await signed_in.client.get("/api/v1/session", headers={"authorization": "Bearer crm_wrong"})
    assert bad.status_code == 401  # although the cookie is good


async def test_announced_large_body_is_refused_at_once(signed_in: Any) -> None:
    start = time.perf_counter()
    headers = {"content-length": str(BODY_LIMIT * 100), "content-type": "application/json"}
    answer = await signed_in.call("POST", "/api/v1/tokens", content=b"{}", headers=headers)
    assert answer.status_code == 413
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/api/v1/tokens", "application/json"), ("/account/tokens", "application/x-www-form-urlencoded")],
)
@pytest.mark.parametrize("token", ["header", "none"])
async def test_chunked_large_body_is_refused_before_it_ends(signed_in: Any, path: str, kind: str, token: str) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 20 * BODY_LIMIT:
            sent += 64 * 1024
            yield b" " * 64 * 1024

    if token == "none":
        signed_in.csrf = ""
    answer = await signed_in.call("POST", path, content=endless(), headers={"content-type": kind})
    if token == "none" and kind == "application/json":
        assert (answer.status_code, sent) == (403, 0)  # without the form's token it is not even read
    else:
        assert answer.status_code == 413, answer.text
    assert sent <= 2 * BODY_LIMIT


@pytest.mark.parametrize("opening", ["[", '{"name":'])
async def test_json_nested_ten_thousand_deep_is_the_clients_mistake(signed_in: Any, opening: str) -> None:
    body = opening * 10_000
    for path in ("/api/v1/tokens", "/api/v1/contacts", "/api/v1/session"):
        answer = await signed_in.call("POST", path, content=body, headers={"content-type": "application/json"})
        assert 400 <= answer.status_code < 500, answer.text
    closing = {"[": "]", '{"name":': "}"}[opening]
    whole = f'{{"name": {opening * 10_000}1{closing * 10_000}}}'
    answer = await signed_in.call(
        "POST", "/api/v1/contacts", content=whole, headers={"content-type": "application/json"}
    )
    assert 400 <= answer.status_code < 500, answer.text
    answer = await signed_in.call("GET", "/api/v1/contacts", params={"filter": "[" * 5000})
    assert 400 <= answer.status_code < 500, answer.text


async def test_nul_bytes_are_not_acceptable(signed_in: Any) -> None:
    as_json = {"content-type": "application/json"}
    answers = [
        await signed_in.call("POST", "/api/v1/tokens", content=json.dumps({"name": "a\0b"}), headers=as_json),
        await signed_in.call("POST", "/api/v1/tokens", content=b'{"name": "a\0b"}', headers=as_json),
        await signed_in.call("POST", "/account/tokens", content=f"_csrf={signed_in.csrf}&name=a%00b", headers=FORM),
        await signed_in.call("GET", "/api/v1/contacts?q=a%00b"),
        await signed_in.call("GET", "/api/v1/contacts/%00"),
    ]
    assert [a.status_code for a in answers] == [422] * len(answers)
    assert answers[0].json()["code"] == "core.nul_byte"


async def test_backslash_before_u0000_is_plain_text(signed_in: Any) -> None:
    answer = await signed_in.call("POST", "/api/v1/tokens", json={"name": "a\\u0000b"})
    assert (answer.status_code, answer.json()["name"]) == (201, "a\\u0000b")


async def test_problem_says_code_title_status_and_detail(signed_in: Any) -> None:
    answer = await signed_in.call("GET", "/api/v1/contacts/0190a6a0-0000-7000-8000-000000000000")
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (404, "core.not_found")
    assert problem["title"]
    assert problem["detail"]


async def test_fields_of_a_body_that_does_not_fit_are_named(signed_in: Any) -> None:
    for body, field in (
        ({"nme": "x"}, "nme"),
        ({}, "name"),
        ({"name": 1}, "name"),
        ({"name": "x", "days": "y"}, "days"),
    ):
        answer = await signed_in.call("POST", "/api/v1/tokens", json=body)
        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == [field], answer.text


async def test_people_get_a_page_and_programs_a_problem(browser: Any) -> None:
    one = browser()
    as_person = await one.client.get("/no/such", headers={"accept": "text/html"})
    as_program = await one.client.get("/no/such", headers={"accept": "application/json"})
    assert "<h1" in as_person.text
    assert as_person.status_code == 404
    assert as_program.json()["status"] == 404


async def test_who_is_not_signed_in_is_sent_to_the_log_in(browser: Any) -> None:
    answer = await browser().client.get("/contacts?q=x", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/contacts%3Fq%3Dx")
    partial = await browser().client.get("/contacts", headers={"hx-request": "true"})
    assert partial.headers["hx-redirect"] == "/login?next=/contacts"


def test_plain_http_beyond_this_machine_is_refused_at_start(base_config: Config, dialect: str) -> None:
    real = base_config.but(testing=False)
    for url in ("https://crm.example.com", "http://localhost:8000", "http://127.0.0.1:1"):
        demand_safe_address(real.but(base_url=url))
    with pytest.raises(StartupError, match="insecure_http"):
        demand_safe_address(real.but(base_url="http://crm.example.com"))
    demand_safe_address(real.but(base_url="http://crm.example.com", insecure_http=True))
