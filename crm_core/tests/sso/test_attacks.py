"""T13: attacks on the way to a provider and back. None signs anybody in, links an identity or connects an account."""

from __future__ import annotations

import base64
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx2
import msgspec
import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.links import PublicLink
from crm_core.db.types import utcnow
from crm_core.entity.event_rows import EventData, EventRow
from crm_core.features.connections.models import Connection
from crm_core.features.identities.models import SsoIdentity
from crm_core.kernel import Kernel
from crm_core.testing.oidc import OidcServer, Trip, address_in
from crm_core.testing.people import People
from joserfc import jwk, jwt

PURPOSES = {
    "sign in": ("/login/sso/corp", "/login/sso/corp/callback"),
    "link": ("/account/sso/corp/link", "/account/sso/corp/callback"),
    "connect": ("/account/connections/corp/connect", "/account/connections/corp/callback"),
}
CLAIMS = {"email": "jo@example.com", "email_verified": True, "name": "Jo"}


@dataclass
class Scene:
    """A victim's browser, an attacker's, and the provider. `start` is where a flow of this purpose begins."""

    kernel: Kernel
    oidc: OidcServer
    people: People
    purpose: str
    victim: httpx2.AsyncClient
    attacker: httpx2.AsyncClient
    clients: list[httpx2.AsyncClient] = field(default_factory=list)

    @property
    def start(self) -> str:
        return PURPOSES[self.purpose][0]

    @property
    def callback(self) -> str:
        return PURPOSES[self.purpose][1]

    async def begin(self, client: httpx2.AsyncClient) -> str:
        return str(await Trip(client, self.oidc).begin(path=self.start))

    async def returned(self, client: httpx2.AsyncClient) -> str:
        """Return the address the provider sends this browser back to."""
        return self.oidc.visit(await self.begin(client))

    async def whims(self, **whims: Any) -> None:
        """Let the provider misbehave and the victim go all the way."""
        self.oidc.control(**{"claims": CLAIMS, **whims})
        await self.victim.get(await self.returned(self.victim))

    async def changed(self, **values: str | None) -> None:
        """Let the victim come back with other parameters than the provider gave; None leaves one out."""
        await self.victim.get(replaced(await self.returned(self.victim), **values))

    async def asked(self, **values: str | None) -> None:
        """Change the request on its way to the provider."""
        address = replaced(await self.begin(self.victim), **values)
        await self.victim.get(self.oidc.visit(address))


def replaced(address: str, **values: str | None) -> str:
    parts = urlsplit(address)
    query = {**dict(parse_qsl(parts.query)), **values}
    return urlunsplit(parts._replace(query=urlencode({k: v for k, v in query.items() if v is not None})))


def parameter(address: str, name: str) -> str:
    return dict(parse_qsl(urlsplit(address).query))[name]


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(msgspec.json.encode(p)).rstrip(b"=").decode() for p in parts) + "."


async def forged(scene: Scene, make: Callable[[dict[str, Any]], str]) -> None:
    """Let the token answer carry an ID token of the attacker's making, right in all its claims."""
    address = await scene.begin(scene.victim)
    now = int(time.time())
    claims = {
        "iss": scene.oidc.issuer, "aud": "crm", "sub": "johndoe", "iat": now, "exp": now + 600,
        "nonce": parameter(address, "nonce"), **CLAIMS,
    }  # fmt: skip
    scene.oidc.control(claims=CLAIMS, token={"id_token": make(claims)})
    await scene.victim.get(scene.oidc.visit(address))


async def reasons(scene: Scene) -> set[str]:
    """Return what the security log says of refusals."""
    async with scene.kernel.db.session(readonly=True) as session:
        query = sa.select(EventData.payload).join(EventRow, EventRow.id == EventData.event_id)
        return {p["what"] for p in await session.scalars(query.where(EventRow.type.endswith(".refused")))}


async def swapped_browser(scene: Scene) -> None:
    await scene.begin(scene.victim)
    await scene.victim.get(await scene.returned(scene.attacker))
    assert await reasons(scene) == {"browser"}


async def swapped_browser_without_flow(scene: Scene) -> None:
    await scene.victim.get(await scene.returned(scene.attacker))


async def swapped_state(scene: Scene) -> None:
    mine, theirs = await scene.returned(scene.victim), await scene.returned(scene.attacker)
    await scene.victim.get(replaced(mine, state=parameter(theirs, "state")))


async def injected_code(scene: Scene) -> None:
    mine, theirs = await scene.returned(scene.victim), await scene.returned(scene.attacker)
    await scene.victim.get(replaced(mine, code=parameter(theirs, "code")))


async def injected_code_without_challenge(scene: Scene) -> None:
    theirs = scene.oidc.visit(replaced(await scene.begin(scene.attacker), code_challenge=None))
    mine = await scene.returned(scene.victim)
    await scene.victim.get(replaced(mine, code=parameter(theirs, "code")))


async def reused_state(scene: Scene) -> None:
    first = await scene.returned(scene.victim)
    await scene.victim.get(replaced(first, code=None, error="access_denied"))
    await scene.victim.get(first)


async def replayed_code(scene: Scene) -> None:
    first, second = await scene.returned(scene.victim), await scene.returned(scene.victim)
    await scene.victim.get(replaced(second, code=parameter(first, "code")))


async def code_traded_before(scene: Scene) -> None:
    address = await scene.returned(scene.victim)
    stolen = {"grant_type": "authorization_code", "code": parameter(address, "code"), "code_verifier": "x" * 43}
    scene.oidc.wire.post("/token", data=stolen)
    scene.oidc.wire.post("/token", data={**stolen, "code_verifier": ""})
    await scene.victim.get(address)


async def expired_state(scene: Scene) -> None:
    address = await scene.returned(scene.victim)
    async with scene.kernel.write(system("test")) as uow:
        await uow.session.execute(sa.update(PublicLink).values(expires_at=utcnow()))
    await scene.victim.get(address)


async def state_of_another_purpose(scene: Scene) -> None:
    other = "connect" if scene.purpose != "connect" else "link"
    client = (await scene.people("sales")).client
    address = scene.oidc.visit(await Trip(client, scene.oidc).begin(path=PURPOSES[other][0]))
    for name, value in client.cookies.items():
        if name.endswith("-oauth"):
            scene.victim.cookies.set(name, value)
    parts = urlsplit(address)
    await scene.victim.get(f"{scene.callback}?{parts.query}")


async def other_users_session(scene: Scene) -> None:
    """The browser's cookie and all parameters are right; only the session is somebody else's."""
    address = await scene.returned(scene.victim)
    other = scene.people.browser()
    other.cookies = httpx2.Cookies(scene.victim.cookies)
    stranger = await scene.people("manager")
    other.cookies.delete("crm")
    other.cookies.set("crm", stranger.client.cookies["crm"])
    if scene.purpose != "sign in":
        await other.get(address)
    else:  # the state says who may end it: a flow to link never signs in
        link = scene.oidc.visit(await Trip(stranger.client, scene.oidc).begin(path=PURPOSES["link"][0]))
        await scene.victim.get(replaced(address, state=parameter(link, "state")))


async def mixed_up_providers(scene: Scene) -> None:
    """Begun at one provider, ended at another's address: its token endpoint would get the first one's code."""
    address = await scene.returned(scene.victim)
    await scene.victim.get(address.replace("/corp/", "/other/"))
    assert scene.oidc.requests("authorization_code") == 0, "the code went to another provider"


async def doubled(scene: Scene, name: str) -> None:
    address = await scene.returned(scene.victim)
    await scene.victim.get(f"{address}&{urlencode({name: 'more'})}")


async def foreign_page(scene: Scene) -> None:
    headers = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    answer = await scene.victim.post(scene.start, headers=headers)
    assert answer.status_code == 403


async def foreign_host(scene: Scene) -> None:
    answer = await scene.victim.post(scene.start, headers={"host": "evil.example"})
    assert answer.status_code == 421


async def posted_answer(scene: Scene) -> None:
    address = await scene.returned(scene.victim)
    assert (await scene.victim.post(address)).status_code in (403, 405)


async def head_request(scene: Scene) -> None:
    address = await scene.returned(scene.victim)
    await scene.victim.head(address)


async def foreign_redirect(scene: Scene) -> None:
    address = replaced(await scene.begin(scene.victim), redirect_uri="http://testserver.local/elsewhere")
    query = urlsplit(scene.oidc.visit(address)).query
    await scene.victim.get(f"{scene.callback}?{query}")


async def signed_by_a_stranger(scene: Scene) -> None:
    key = jwk.RSAKey.generate_key(2048)
    await forged(scene, lambda claims: jwt.encode({"alg": "RS256"}, claims, key))


async def signed_with_the_client_secret(scene: Scene) -> None:
    key = jwk.OctKey.import_key("marker-client-secret-of-sso-long-enough")
    await forged(scene, lambda claims: jwt.encode({"alg": "HS256"}, claims, key))


async def not_signed(scene: Scene) -> None:
    await forged(scene, unsigned)


async def other_userinfo(scene: Scene) -> None:
    scene.oidc.control(userinfo={"sub": "somebody else", **CLAIMS})
    await scene.victim.get(await scene.returned(scene.victim))


async def another_account_s_issuer(scene: Scene) -> None:
    scene.kernel.caches.pop("oauth2 discovery", None)
    scene.oidc.control(claims=CLAIMS, discovery={"issuer": "https://accounts.example.com"})
    await scene.victim.post(scene.start)


async def issuer_promised_and_missing(scene: Scene) -> None:
    scene.kernel.caches.pop("oauth2 discovery", None)
    await scene.whims(discovery={"authorization_response_iss_parameter_supported": True})


NOW = int(time.time())
Attack = Callable[[Scene], Awaitable[None]]
ATTACKS: dict[str, Attack] = {
    "state missing": lambda s: s.changed(state=None),
    "state empty": lambda s: s.changed(state=""),
    "state made up": lambda s: s.changed(state="A" * 43),
    "state twice": lambda s: doubled(s, "state"),
    "state too long": lambda s: s.changed(state="A" * 5000),
    "state reused": reused_state,
    "state expired": expired_state,
    "state swapped": swapped_state,
    "state of another purpose": state_of_another_purpose,
    "browser swapped": swapped_browser,
    "browser swapped, victim without a flow": swapped_browser_without_flow,
    "another user's session": other_users_session,
    "code missing": lambda s: s.changed(code=None),
    "code twice": lambda s: doubled(s, "code"),
    "code made up": lambda s: s.changed(code="made-up"),
    "code of an earlier flow": replayed_code,
    "code traded before": code_traded_before,
    "code injected": injected_code,
    "code injected, begun without PKCE": injected_code_without_challenge,
    "PKCE stripped": lambda s: s.asked(code_challenge=None, code_challenge_method=None),
    "PKCE replaced": lambda s: s.asked(code_challenge="B" * 43),
    "PKCE plain": lambda s: s.asked(code_challenge_method="plain"),
    "issuer of the answer wrong": lambda s: s.changed(iss="https://evil.example"),
    "issuer of the answer twice": lambda s: doubled(s, "iss"),
    "issuer of the answer promised and missing": issuer_promised_and_missing,
    "issuer of the token wrong": lambda s: s.whims(claims={**CLAIMS, "iss": "https://evil.example"}),
    "issuer of the discovery wrong": another_account_s_issuer,
    "provider mixed up": mixed_up_providers,
    "nonce wrong": lambda s: s.whims(claims={**CLAIMS, "nonce": "another"}),
    "nonce missing": lambda s: s.whims(drop=["nonce"]),
    "nonce replaced on the way": lambda s: s.asked(nonce="N" * 43),
    "audience wrong": lambda s: s.whims(claims={**CLAIMS, "aud": "another client"}),
    "audience shared": lambda s: s.whims(claims={**CLAIMS, "aud": ["crm", "another"], "azp": "another"}),
    "subject missing": lambda s: s.whims(drop=["sub"]),
    "subject not text": lambda s: s.whims(claims={**CLAIMS, "sub": 7}),
    "token expired": lambda s: s.whims(claims={**CLAIMS, "exp": NOW - 3600}),
    "token from the future": lambda s: s.whims(claims={**CLAIMS, "iat": NOW + 86400}),
    "token without an end": lambda s: s.whims(drop=["exp"]),
    "token not signed": not_signed,
    "token signed with the client secret": signed_with_the_client_secret,
    "token signed by a stranger": signed_by_a_stranger,
    "token missing": lambda s: s.whims(drop_token=["id_token"]),
    "token not a token": lambda s: s.whims(token={"id_token": "x.y.z"}),
    "userinfo of somebody else": other_userinfo,
    "denied": lambda s: s.changed(code=None, error="access_denied"),
    "denied with a code": lambda s: s.changed(error="access_denied"),
    "redirect to elsewhere": foreign_redirect,
    "begun by a foreign page": foreign_page,
    "begun under a foreign host": foreign_host,
    "answer by POST": posted_answer,
    "answer by HEAD": head_request,
}
ONLY_CONNECT: dict[str, Attack] = {
    "scope taken away on the way": lambda s: s.asked(scope="openid email"),
    "scope not granted": lambda s: s.whims(token={"scope": "openid email"}),
}
CASES = [(purpose, name) for purpose in PURPOSES for name in ATTACKS] + [("connect", name) for name in ONLY_CONNECT]


@pytest.fixture(scope="module")
def tally() -> Iterator[list[bool]]:
    made: list[bool] = []
    yield made
    print(f"\nT13: {sum(made)} of {len(made)} attack flows signed in, linked or connected")


@pytest.fixture
async def scene(
    request: pytest.FixtureRequest, kernel: Kernel, oidc: OidcServer, as_user: People, provide: Any,
    account_provider: Any, person: Any,
) -> Scene:  # fmt: skip
    """Two browsers and two providers of each kind; both are the same server, so that only the CRM keeps them apart."""
    purpose = request.param
    await person("admin@example.com", "admin")
    await provide(creates_users=True)
    await provide(key="other", name="Other", creates_users=True)
    await account_provider(key="corp", name="Corp")
    await account_provider(key="other", name="Other")
    oidc.control(claims=CLAIMS)
    if purpose == "sign in":
        victim, attacker = as_user.browser(), as_user.browser()
    else:
        victim, attacker = (await as_user("sales")).client, (await as_user("support")).client
    return Scene(kernel, oidc, as_user, purpose, victim, attacker)


async def gained(scene: Scene) -> bool:
    """Return whether anything came of it: a session where there was none, an identity or an account."""
    async with scene.kernel.db.session(readonly=True) as session:
        rows = [await session.scalar(sa.select(sa.func.count(model.id))) for model in (SsoIdentity, Connection)]
    in_now = False
    if scene.purpose == "sign in":
        in_now = any([await Trip(c, scene.oidc).who() for c in (scene.victim, scene.attacker)])
    return in_now or any(rows)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.counted
@pytest.mark.parametrize(("scene", "name"), CASES, indirect=["scene"], ids=[f"{p}: {n}" for p, n in CASES])
async def test_no_attack_gets_anywhere(scene: Scene, name: str, tally: list[bool]) -> None:
    await {**ATTACKS, **ONLY_CONNECT}[name](scene)
    tally.append(await gained(scene))
    assert not tally[-1], name


@pytest.mark.parametrize("scene", list(PURPOSES), indirect=True)
async def test_the_same_flow_without_an_attack_succeeds(scene: Scene) -> None:
    await scene.victim.get(await scene.returned(scene.victim))
    assert await gained(scene)


@pytest.mark.parametrize("scene", ["connect"], indirect=True)
async def test_one_answer_sent_many_times_counts_once(scene: Scene) -> None:
    import asyncio

    address = await scene.returned(scene.victim)
    answers = await asyncio.gather(*(scene.victim.get(address) for _n in range(8)))
    assert sorted(a.status_code for a in answers) == [303] + [403] * 7


NEXT = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
    "javascript:alert(1)", "data:text/html,x", "/\t/evil.example", "/\n/evil.example", "evil.example",
    "/x\r\nLocation: https://evil.example", " //evil.example", "/\x00/evil", "@evil.example", "https:/evil.example",
    "/login/sso/corp", "/logout", "",
)  # fmt: skip


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.counted
@pytest.mark.parametrize("scene", ["sign in"], indirect=True)
async def test_after_signing_in_nobody_is_sent_elsewhere(scene: Scene) -> None:
    """T12: `next` is a path of ours or nothing."""
    sent = []
    for after in NEXT:
        client = scene.people.browser()
        answer = await client.post(scene.start, data={"next": after})
        if answer.status_code != 200:  # a NUL byte
            continue
        back = await client.get(scene.oidc.visit(address_in(answer.text)))
        sent.append(back.headers["location"])
        scene.kernel.limits.__init__(None)  # type: ignore[misc]  # more trips than a minute allows
    assert set(sent) == {"/"}
    print(f"T12: {len(sent)} targets, 0 elsewhere")
