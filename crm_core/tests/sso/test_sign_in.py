"""Signing in by a provider, end to end against a real one in a process of its own."""

import pytest
import sqlalchemy as sa
from crm_core.auth.people import Role, User, UserRole
from crm_core.features.identities.models import SsoIdentity, SsoProvider
from crm_core.features.session import totp
from crm_core.features.sso.schemas import GroupRole

PASSWORD = "quite a long secret"
SECRET = "marker-client-secret-of-sso"

EMAIL = "jo@example.com"
JO = {"claims": {"email": EMAIL, "email_verified": True, "name": "Jo Doe"}}


async def roles_of(kernel, email=EMAIL):
    async with kernel.db.session(readonly=True) as session:
        query = sa.select(Role.key).join(UserRole, UserRole.role_id == Role.id).join(User, User.id == UserRole.user_id)
        return set(await session.scalars(query.where(User.email == email)))


async def role(kernel, key):
    async with kernel.db.session(readonly=True) as session:
        return await session.scalar(sa.select(Role.id).where(Role.key == key))


async def test_somebody_new_gets_an_account_and_is_signed_in(kernel, provide, trip, oidc, events, person):
    await person("admin@example.com", "admin")
    await provide(creates_users=True)
    oidc.control(**JO)
    browser = trip()
    answer = await browser.sign_in(after="/contacts?q=x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/contacts?q=x")
    assert await browser.who() == "Jo Doe"
    told = dict(await events("core.s"))
    assert told["core.session.signed_in"]["second_factor"] == "provider"
    assert told["core.sso.identity_linked"]["created"] is True
    again = trip()
    await again.sign_in()
    assert await again.who() == "Jo Doe"
    async with kernel.db.session(readonly=True) as session:
        assert await session.scalar(sa.select(sa.func.count(SsoIdentity.id))) == 1
        assert SECRET not in await session.scalar(sa.select(SsoProvider.client_secret))


async def test_the_log_in_page_offers_the_provider(provide, trip, person):
    await person("admin@example.com", "admin")
    assert "Corp" not in (await trip().client.get("/login")).text
    await provide()
    shown = (await trip().client.get("/login?next=/deals")).text
    assert 'action="/login/sso/corp"' in shown
    assert "Sign in with Corp" in shown


async def test_an_unknown_person_is_refused_unless_accounts_are_made(provide, trip, oidc, events):
    await provide()
    oidc.control(**JO)
    browser = trip()
    assert (await browser.sign_in()).status_code == 403
    assert await browser.who() == ""
    assert dict(await events("core.sso.refused"))["core.sso.refused"]["what"] == "unknown"


@pytest.mark.parametrize(
    ("settings", "claims", "let_in"),
    [
        ({"links_by_email": True}, {"email_verified": True}, True),
        ({"links_by_email": True}, {"email_verified": False}, False),
        ({"links_by_email": True}, {}, False),
        ({"links_by_email": True, "trusts_email": True}, {}, True),
        ({}, {"email_verified": True}, False),
        ({"creates_users": True}, {"email_verified": True}, False),
        ({"links_by_email": True, "email_domains": ["example.com"]}, {"email_verified": True}, True),
        ({"links_by_email": True, "email_domains": ["example.org"]}, {"email_verified": True}, False),
    ],
)
async def test_an_existing_user_is_linked_by_a_verified_address_only_where_allowed(
    provide, trip, oidc, person, settings, claims, let_in
):
    await person(EMAIL, "sales")
    await provide(**settings)
    oidc.control(claims={"email": EMAIL, **claims})
    browser = trip()
    await browser.sign_in()
    assert (await browser.who() != "") is let_in


async def test_an_address_given_on_at_the_provider_does_not_reach_the_old_owner(provide, trip, oidc, person):
    await person(EMAIL, "sales")
    await provide(links_by_email=True)
    oidc.control(**JO)
    await trip().sign_in()
    oidc.control(claims={**JO["claims"], "sub": "somebody else"})
    browser = trip()
    await browser.sign_in()
    assert await browser.who() == ""


async def test_a_known_subject_stays_the_same_user_whatever_the_address(provide, trip, oidc, person):
    await person(EMAIL, "sales")
    await person("boss@example.com", "admin")
    await provide(links_by_email=True)
    oidc.control(**JO)
    await trip().sign_in()
    oidc.control(claims={"email": "boss@example.com", "email_verified": True})
    browser = trip()
    await browser.sign_in()
    assert await browser.who() == "Jo"


async def test_groups_give_and_take_roles_at_each_sign_in(kernel, provide, trip, oidc, person, events):
    await person("admin@example.com", "admin")
    await person(EMAIL, "support")
    sales, manager = await role(kernel, "sales"), await role(kernel, "manager")
    await provide(
        links_by_email=True, group_claim="realm.groups",
        role_map=[GroupRole(group="/sales", role_id=sales), GroupRole(group="/leads", role_id=manager)],
    )  # fmt: skip
    for groups, expected in (
        (["/sales", "/other"], {"support", "sales"}),
        (["/sales", "/leads"], {"support", "sales", "manager"}),
        (["/leads"], {"support", "manager"}),
        ([], {"support"}),
    ):
        oidc.control(claims={**JO["claims"], "realm": {"groups": groups}})
        assert (await trip().sign_in()).status_code == 303
        assert await roles_of(kernel) == expected
    assert len(await events("core.user.roles_changed")) >= 4


async def test_groups_never_take_the_last_administrator(kernel, provide, trip, oidc, person, events):
    await person(EMAIL, "admin")
    await provide(
        links_by_email=True, group_claim="groups",
        role_map=[GroupRole(group="admins", role_id=await role(kernel, "admin"))],
    )  # fmt: skip
    oidc.control(**JO)
    browser = trip()
    assert (await browser.sign_in()).status_code == 303
    assert await roles_of(kernel) == {"admin"}
    assert len(await events("core.sso.roles_kept")) == 1


async def test_a_switched_off_user_is_refused(kernel, provide, trip, oidc, person, api):
    user = await person(EMAIL, "sales")
    await provide(links_by_email=True)
    oidc.control(**JO)
    await trip().sign_in()
    await api.patch(f"/users/{user}", {"is_active": False})
    browser = trip()
    await browser.sign_in()
    assert await browser.who() == ""


async def test_our_second_factor_is_asked_for_where_the_provider_is_not_trusted_with_it(
    kernel, provide, trip, oidc, person, as_user
):
    await person(EMAIL, "sales")
    await provide(links_by_email=True, second_factor="own")
    somebody = as_user.browser()
    signed = await somebody.post("/api/v1/session", json={"email": EMAIL, "password": PASSWORD})
    headers = {"x-csrf-token": signed.json()["csrf"]}
    secret = (await somebody.post("/api/v1/second-factor/begin", json={"password": PASSWORD}, headers=headers)).json()
    from crm_core.db.types import utcnow

    code = totp.code_at(secret["secret"], totp.step_at(utcnow()))
    done = await somebody.post("/api/v1/second-factor/confirm", json={"code": code}, headers=headers)
    assert done.status_code == 200, done.text
    oidc.control(**JO)
    browser = trip()
    answer = await browser.sign_in(after="/deals")
    assert answer.headers["location"] == "/login/code?next=/deals"
    assert await browser.who() == ""


async def test_passwords_off_shuts_the_password_door_and_never_on_the_last_administrator(
    kernel, provide, trip, oidc, person, api, as_user
):
    admin = await person("boss@example.com", "admin")
    await person(EMAIL, "sales")
    await provide(links_by_email=True)

    async def by_password(email):
        given = {"email": email, "password": PASSWORD}
        return (await as_user.browser().post("/api/v1/session", json=given)).status_code

    await api.patch("/settings/core.sign_in", {"passwords_off": True}, status=422)
    oidc.control(claims={"email": "boss@example.com", "email_verified": True})
    assert (await trip().sign_in()).status_code == 303
    await api.patch("/settings/core.sign_in", {"passwords_off": True})
    assert await by_password(EMAIL) == 401
    assert await by_password("boss@example.com") == 401
    shown = (await trip().client.get("/login")).text
    assert "<details" in shown
    provider = (await api.get("/sso/providers"))["items"][0]["id"]
    await api.delete(f"/sso/providers/{provider}")
    assert await by_password(EMAIL) == 401
    assert await by_password("boss@example.com") == 201, "nobody could come back"
    assert admin


async def test_somebody_links_their_own_account_and_removes_it(provide, trip, oidc, as_user, events):
    provider = await provide()
    oidc.control(**JO)
    somebody = await as_user("sales")
    browser = type(trip())(somebody.client, oidc)
    answer = await browser.back(oidc.visit(await browser.begin(path="/account/sso/corp/link")))
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/sso")
    assert "linked" in (await somebody.client.get("/account/sso")).text
    stranger = trip()
    await stranger.sign_in()
    assert await stranger.who() == "Sales"
    assert (await somebody.client.post(f"/account/sso/{provider}/unlink")).status_code == 303
    assert len(await events("core.sso.identity_unlinked")) == 1
    later = trip()
    await later.sign_in()
    assert await later.who() == ""


async def test_the_provider_pages_and_api_never_show_the_secret(api, as_user, oidc):
    body = {"key": "corp", "name": "Corp", "issuer": oidc.issuer, "client_id": "crm", "client_secret": SECRET}
    made = await api.post("/sso/providers", body)
    assert made["client_secret_set"] is True
    admin = (await as_user("admin")).client
    pages = [(await admin.get(path)).text for path in ("/admin/sso", f"/admin/sso/{made['id']}")]
    assert all(SECRET not in text for text in (*pages, str(made), str(await api.get("/sso/providers"))))
    kept = {**body, "client_secret": "", "name": "Corporation"}
    assert (await api.send("PUT", f"/sso/providers/{made['id']}", 200, json=kept))["client_secret_set"] is True
    await api.send("PUT", f"/sso/providers/{made['id']}", 422, json={**kept, "issuer": f"{oidc.issuer}/other"})
    form = {"name": "Corp", "key": "corp", "issuer": oidc.issuer, "client_id": "crm", "scopes": "openid email",
            "group_claim": "groups", "roles": "staff = Sales\n* = readonly", "email_domains": "example.com",
            "second_factor": "provider", "is_active": "true", "client_secret": ""}  # fmt: skip
    saved = await admin.post(f"/admin/sso/{made['id']}", data=form)
    assert saved.status_code == 303, saved.text
    shown = await api.get(f"/sso/providers/{made['id']}")
    assert [one["group"] for one in shown["role_map"]] == ["staff", "*"]
    assert shown["email_domains"] == ["example.com"]


async def test_only_an_administrator_sets_a_provider_up(kernel, api, as_user, oidc):
    manager = await as_user("manager")
    body = {"key": "evil", "name": "Evil", "issuer": oidc.issuer, "client_id": "crm"}
    await manager.api.post("/sso/providers", body, status=403)
    assert (await manager.client.get("/admin/sso")).status_code == 403
    for issuer in ("http://idp.example.com", "ftp://x", "https://u:p@idp.example.com", "javascript:alert(1)"):
        await api.post("/sso/providers", {**body, "issuer": issuer}, status=422)


async def test_a_provider_that_is_away_is_said_to_be(provide, trip, oidc):
    await provide(issuer="http://127.0.0.1:1")
    answer = await trip().client.post("/login/sso/corp")
    assert answer.status_code == 502
    assert "does not answer" in answer.text


async def test_private_networks_are_only_reached_when_allowed(provide, trip, kernel):
    await provide()
    kernel.config = kernel.config.but(outbound_allow=())
    assert (await trip().client.post("/login/sso/corp")).status_code == 502
