"""T21: no host but our own in any link, redirect or cached answer, whatever the headers say."""

from __future__ import annotations

import os

import pytest
from crm_core.testing.people import People

BOTH = ["sqlite", "postgresql"] if os.environ.get("CRM_FAULTS") == "full" else ["sqlite"]
pytestmark = pytest.mark.parametrize("dialect", BOTH, indirect=True)
EVIL = "evil.example"
HOSTS = (
    EVIL, f"{EVIL}:80", f"testserver.local.{EVIL}", f"testserver.local@{EVIL}", f"{EVIL}#testserver.local",
    f"{EVIL}/testserver.local", f"{EVIL}?testserver.local", f"testserver.local:80@{EVIL}", "", "[::1]", f"[::1].{EVIL}",
    f"testserver.local\t{EVIL}", f"testserver.local,{EVIL}", f"{EVIL}.", "testserver.local.",
)  # fmt: skip
FORWARDED = (
    {"x-forwarded-host": EVIL}, {"x-forwarded-host": f"testserver.local, {EVIL}"}, {"x-forwarded-server": EVIL},
    {"forwarded": f"host={EVIL};proto=https"}, {"forwarded": f'for=1.2.3.4;host="{EVIL}"'}, {"x-host": EVIL},
    {"x-original-host": EVIL}, {"x-original-url": f"https://{EVIL}/"}, {"x-rewrite-url": f"https://{EVIL}/"},
    {"x-forwarded-proto": "https", "x-forwarded-host": EVIL}, {"x-forwarded-prefix": f"//{EVIL}"},
    {"x-http-host-override": EVIL}, {"referer": f"https://{EVIL}/"}, {"x-forwarded-for": EVIL}, {"via": EVIL},
)  # fmt: skip
PATHS = (
    "/",
    "/login",
    "/companies",
    "/account",
    "/nowhere",
    "/setup",
    "/api/v1/companies",
    "/api/v1/session",
    "/ready",
)


@pytest.mark.counted
async def test_no_foreign_host_reaches_a_link_a_redirect_or_a_cache(as_user: People) -> None:
    boss, stranger = await as_user("admin"), as_user.browser()
    tried, found = 0, []
    forms = [{"host": host} for host in HOSTS] + [{**headers} for headers in FORWARDED]
    for headers in forms:
        for path in PATHS:
            for client in (boss.client, stranger):
                tried += 1
                answer = await client.get(path, headers=headers)
                said = answer.text + str(answer.headers)
                if EVIL in said or answer.status_code >= 500:
                    found.append(f"{path} with {headers}: {answer.status_code}")
                if (
                    "host" in headers
                    and answer.status_code < 400
                    and path != "/ready"
                    and headers["host"] != "testserver.local."
                ):
                    found.append(f"{path} answers to the host {headers['host']!r}")
    # What came after must not have been taken from an answer to those: the same page as before.
    assert EVIL not in (await boss.client.get("/companies")).text
    print(f"T21: {len(forms)} forms of headers x {len(PATHS)} paths, {tried} requests, {len(found)} foreign hosts")
    assert len(forms) == 30
    assert not found, "\n".join(found)
