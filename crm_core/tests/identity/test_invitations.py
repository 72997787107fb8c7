"""Invitations: the inviter chooses roles and team, never more than the own; the invited person name and password."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Role, RoleGrant, Team, TeamMember, User, UserRole
from crm_core.db.types import utcnow
from crm_core.features.invitations.models import Invitation
from crm_core.features.session.settings import SignInRules
from crm_core.kernel import Kernel

ADMIN = "admin@example.com"
NEW = "a brand new secret"
FORM = {"name": "Nora New", "password": NEW, "again": NEW}


@pytest.fixture
async def admin(person: Any, browser: Any) -> Any:
    await person(ADMIN, "admin")
    one = browser()
    await one.sign_in(ADMIN)
    return one


@pytest.fixture
def role(kernel: Kernel) -> Any:
    async def find(key: str) -> Any:
        async with kernel.read(system("test")) as uow:
            return await uow.session.scalar(sa.select(Role.id).where(Role.key == key))

    return find


async def invite(one: Any, email: str = "nora@example.com", **body: Any) -> Any:
    return await one.call("POST", "/api/v1/users/invite", json={"email": email, **body})


def path_of(link: str) -> str:
    return link.removeprefix("http://testserver.local")


async def test_invited_person_gets_role_and_team_and_signs_in(
    admin: Any, browser: Any, role: Any, kernel: Kernel, events: Any
) -> None:
    async with kernel.write(system("test")) as uow:
        team = Team(name="North")
        uow.session.add(team)
    made = await invite(admin, role_ids=[str(await role("sales"))], team_id=str(team.id), name="Nora")
    assert made.status_code == 201, made.text
    path = path_of(made.json()["link"])
    page = await browser().client.get(path)
    assert 'value="Nora"' in page.text
    done = await browser().client.post(path, data=FORM)
    assert done.status_code == 200, done.text
    assert "set-cookie" not in done.headers
    assert await browser().sign_in("nora@example.com", NEW) == 201
    async with kernel.read(system("test")) as uow:
        user = (await uow.session.scalars(sa.select(User).where(User.email == "nora@example.com"))).one()
        assert user.name == "Nora New"
        held = sa.select(UserRole.role_id).where(UserRole.user_id == user.id)
        assert (await uow.session.scalars(held)).all() == [await role("sales")]
        member = (await uow.session.scalars(sa.select(TeamMember).where(TeamMember.user_id == user.id))).one()
        assert (member.team_id, member.is_primary) == (team.id, True)
    kinds = [kind for kind, _payload in await events("core.invitation.")]
    assert kinds == ["core.invitation.sent", "core.invitation.accepted"]


async def test_link_is_used_once_and_expires(admin: Any, browser: Any, kernel: Kernel) -> None:
    path = path_of((await invite(admin)).json()["link"])
    assert (await browser().client.post(path, data={**FORM, "password": "short"})).status_code == 422
    assert (await browser().client.post(path, data=FORM)).status_code == 200
    assert (await browser().client.post(path, data=FORM)).status_code == 404
    late = path_of((await invite(admin, "late@example.com")).json()["link"])
    async with kernel.write(system("test")) as uow:
        from crm_core.auth.links import PublicLink

        await uow.session.execute(sa.update(PublicLink).values(expires_at=utcnow() - timedelta(seconds=1)))
    assert (await browser().client.get(late)).status_code == 404


async def test_mail_brings_the_link_and_the_answer_does_not(
    admin: Any, browser: Any, mails: Any, mail_set_up: None
) -> None:
    made = await invite(admin)
    assert "link" not in made.json()
    assert made.json()["mailed_at"]
    [(to, text)] = await mails()
    assert to == "nora@example.com"
    path = re.search(r"/public/invitation/[\w-]{43}", text)[0]  # type: ignore[index]
    assert (await browser().client.post(path, data=FORM)).status_code == 200


async def test_sending_again_kills_the_old_link_and_revoking_the_last(admin: Any, browser: Any) -> None:
    made = (await invite(admin)).json()
    again = await admin.call("POST", f"/api/v1/users/invitations/{made['id']}/resend")
    assert again.status_code == 200, again.text
    assert (await browser().client.get(path_of(made["link"]))).status_code == 404
    path = path_of(again.json()["link"])
    assert (await browser().client.get(path)).status_code == 200
    listed = (await admin.call("GET", "/api/v1/users/invitations")).json()["items"]
    assert [i["email"] for i in listed] == ["nora@example.com"]
    assert "link" not in listed[0]
    assert (await admin.call("DELETE", f"/api/v1/users/invitations/{made['id']}")).status_code == 204
    assert (await browser().client.get(path)).status_code == 404
    assert (await admin.call("GET", "/api/v1/users/invitations")).json()["items"] == []


async def test_second_invitation_to_one_address_replaces_the_first(admin: Any, browser: Any) -> None:
    first, second = [path_of((await invite(admin)).json()["link"]) for _n in range(2)]
    assert (await browser().client.get(first)).status_code == 404
    assert (await browser().client.get(second)).status_code == 200


async def test_address_of_a_user_and_nonsense_are_refused(admin: Any) -> None:
    taken = await invite(admin, "ADMIN@example.com")
    assert (taken.status_code, taken.json()["code"]) == (409, "core.address_has_user")
    for email in ("", "nobody", "a@b", "a b@example.com", "x@example.com\r\nbcc: y@example.com", "<a@example.com>"):
        assert (await invite(admin, email)).status_code == 422, email
    assert (await invite(admin, role_ids=["00000000-0000-0000-0000-000000000000"])).status_code == 422


async def test_nobody_gives_more_than_they_hold(
    admin: Any, person: Any, browser: Any, role: Any, kernel: Kernel
) -> None:
    async with kernel.write(system("test")) as uow:
        office = Role(name="Office")
        uow.session.add(office)
        await uow.session.flush()
        for name in ("core.user.create", "core.user.grant", "core.contact.read"):
            uow.session.add(RoleGrant(role_id=office.id, name=name, scope="all"))
        wider = Role(name="Wider")
        uow.session.add(wider)
        await uow.session.flush()
        uow.session.add(RoleGrant(role_id=wider.id, name="core.deal.delete", scope="own"))
    await person("clerk@example.com", "Office")
    await person("rep@example.com", "sales")
    clerk, rep = browser(), browser()
    await clerk.sign_in("clerk@example.com")
    await rep.sign_in("rep@example.com")
    assert (await invite(clerk, role_ids=[str(office.id)])).status_code == 201
    for stronger in (await role("admin"), wider.id, await role("sales")):
        answer = await invite(clerk, "x@example.com", role_ids=[str(stronger)])
        assert (answer.status_code, answer.json()["code"]) == (403, "core.roles_too_mighty")
    assert (await invite(rep, "x@example.com")).status_code == 403
    token = (await admin.call("POST", "/api/v1/tokens", json={"name": "t", "scopes": ["core.user"]})).json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    body = {"email": "x@example.com", "role_ids": [str(await role("admin"))]}
    assert (await browser().client.post("/api/v1/users/invite", json=body, headers=headers)).status_code == 403


async def test_invitation_dies_with_the_rights_of_its_inviter(
    admin: Any, person: Any, browser: Any, kernel: Kernel
) -> None:
    boss = await person("boss@example.com", "admin")
    one = browser()
    await one.sign_in("boss@example.com")
    path = path_of((await invite(one)).json()["link"])
    assert (await browser().client.get(path)).status_code == 200
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.update(User).where(User.id == boss).values(is_active=False))
    assert (await browser().client.get(path)).status_code == 404
    assert (await browser().client.post(path, data=FORM)).status_code == 404


async def test_invited_person_sets_a_second_factor_up_where_a_rule_demands_it(
    admin: Any, browser: Any, kernel: Kernel
) -> None:
    async with kernel.write(system("test")) as uow:
        await uow.save_settings(SignInRules(second_factor_for_all=True))
    path = path_of((await invite(admin)).json()["link"])
    assert (await browser().client.post(path, data=FORM)).status_code == 200
    answer = await browser().client.post("/api/v1/session", json={"email": "nora@example.com", "password": NEW})
    assert (answer.status_code, answer.json()["needs"]) == (401, "enrolment")


async def test_page_invites_shows_the_link_and_takes_back(admin: Any, browser: Any, role: Any, kernel: Kernel) -> None:
    users = await admin.client.get("/users")
    assert 'href="/users/invite"' in users.text
    token = re.search(r'name="_csrf" value="(\w+)"', users.text)[1]  # type: ignore[index]
    form = {"_csrf": token, "email": "nora@example.com", "role_ids": str(await role("sales"))}
    wrong = await admin.client.post("/users/invite", data={**form, "email": "nonsense"})
    assert (wrong.status_code, 'value="nonsense"' in wrong.text) == (422, True)
    shown = await admin.client.post("/users/invite", data=form)
    link = re.search(r"http://testserver\.local(/public/invitation/[\w-]{43})", shown.text)
    assert link is not None
    assert shown.headers["cache-control"] == "no-store"
    listed = await admin.client.get("/users/invite")
    assert link[1] not in listed.text
    revoke = re.search(r"/users/invite/[\w-]{36}/revoke", listed.text)[0]  # type: ignore[index]
    assert (await admin.client.post(revoke, data={"_csrf": token})).status_code == 303
    assert (await browser().client.get(link[1])).status_code == 404
    async with kernel.read(system("test")) as uow:
        assert (await uow.session.scalars(sa.select(Invitation.revoked_at))).one() is not None
