"""Roles merge to the widest, teams reach down the tree, names without a plugin count for nothing."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import Scope, system
from crm_core.auth.people import Role, RoleField, RoleGrant, Team, TeamMember, User, UserRole
from crm_core.auth.rights import EPOCH, UserUnknown, below, load_actor
from crm_core.features.roles.actions import install_grants
from crm_core.kernel import Kernel


async def test_default_roles_reach_as_far_as_they_say(kernel: Kernel, person: Any) -> None:
    reach = {}
    for key in ("manager", "sales", "support", "readonly", "admin"):
        actor = await load_actor(kernel, await person(f"{key}@example.com", key, password=None))
        reach[key] = (
            actor.scope("core.contact", "read"),
            actor.scope("core.contact", "edit"),
            actor.may("core.user.edit"),
        )
    assert reach == {
        "manager": (Scope.team, Scope.team, False),
        "sales": (Scope.own, Scope.own, False),
        "support": (Scope.team, Scope.none, False),
        "readonly": (Scope.all, Scope.none, False),
        "admin": (Scope.all, Scope.all, True),
    }


async def test_two_roles_give_the_wider_of_both(kernel: Kernel, person: Any) -> None:
    user = await person("both@example.com", "sales", "readonly", password=None)
    actor = await load_actor(kernel, user)
    assert actor.scope("core.contact", "read") is Scope.all
    assert actor.scope("core.contact", "edit") is Scope.own


async def test_field_is_barred_only_when_every_role_bars_it(kernel: Kernel, person: Any) -> None:
    one = await person("one@example.com", "sales", password=None)
    two = await person("two@example.com", "sales", "manager", password=None)
    async with kernel.write(system("test")) as uow:
        role = await uow.session.scalar(sa.select(Role.id).where(Role.key == "sales"))
        rows = [{"role_id": role, "entity": "core.contact", "field": "birthday", "level": "hidden"}]
        rows.append({"role_id": role, "entity": "core.contact", "field": "name", "level": "locked"})
        await uow.session.execute(sa.insert(RoleField), rows)
    narrow, wide = await load_actor(kernel, one), await load_actor(kernel, two)
    assert not narrow.may_see("core.contact", "birthday")
    assert narrow.may_see("core.contact", "name")
    assert not narrow.may_set("core.contact", "name")
    assert wide.may_see("core.contact", "birthday")
    assert wide.may_set("core.contact", "name")


async def test_team_scope_reaches_all_teams_below(kernel: Kernel, person: Any) -> None:
    user = await person("head@example.com", "manager", password=None)
    top, middle, leaf, other = (uuid4() for _ in range(4))
    async with kernel.write(system("test")) as uow:
        uow.session.add_all(
            [
                Team(id=top, name="Top"),
                Team(id=middle, name="Middle", parent_id=top),
                Team(id=leaf, name="Leaf", parent_id=middle),
                Team(id=other, name="Other"),
                TeamMember(user_id=user, team_id=middle, is_primary=True),
            ]
        )
        uow.session.info["changes"] = None  # plain rows: no user is loaded here
    actor = await load_actor(kernel, user)
    assert actor.team_ids == {middle, leaf}
    assert actor.team_id == middle


def test_circle_of_teams_ends() -> None:
    one, two = uuid4(), uuid4()
    assert below([one], {one: two, two: one}) == {one, two}


async def test_grant_of_an_absent_plugin_is_kept_and_counts_for_nothing(kernel: Kernel, person: Any) -> None:
    user = await person("sales@example.com", "sales", password=None)
    async with kernel.write(system("test")) as uow:
        role = await uow.session.scalar(sa.select(Role.id).where(Role.key == "sales"))
        await uow.session.execute(
            sa.insert(RoleGrant), [{"role_id": role, "name": "gone.thing.approve", "scope": "all"}]
        )
    actor = await load_actor(kernel, user)
    assert actor.may("core.contact.read")
    assert not actor.rights.permissions


async def test_grants_are_made_once_and_stay_as_people_changed_them(kernel: Kernel, person: Any) -> None:
    async with kernel.write(system("test")) as uow:
        await install_grants(uow)
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.delete(RoleGrant).where(RoleGrant.name == "core.contact.read"))
    async with kernel.write(system("test")) as uow:
        await install_grants(uow)
        left = await uow.session.scalar(sa.select(sa.func.count()).where(RoleGrant.name == "core.contact.read"))
    assert left == 0


async def test_switched_off_user_has_no_actor(kernel: Kernel, person: Any) -> None:
    user = await person("off@example.com", "admin", password=None)
    async with kernel.write(system("test")) as uow:
        await uow.session.execute(sa.update(User).where(User.id == user).values(is_active=False))
    with pytest.raises(UserUnknown):
        await load_actor(kernel, user)


async def test_change_of_roles_raises_the_epoch_and_counts_at_once(kernel: Kernel, person: Any) -> None:
    await person("boss@example.com", "admin", password=None)
    user = await person("rep@example.com", "sales", password=None)
    before = (await load_actor(kernel, user, epoch=1)).scope("core.contact", "read")
    async with kernel.write(system("test")) as uow:
        record = await uow.session.get_one(User, user)
        role = await uow.session.scalar(sa.select(Role.id).where(Role.key == "readonly"))
        uow.session.add(UserRole(user_id=record.id, role_id=role))
    epochs = await kernel.db.fetch("select value from core_epoch where name = 'people'", ())
    assert epochs
    assert epochs[0][0] >= 1
    assert before is Scope.own
    assert (await load_actor(kernel, user, epoch=epochs[0][0] + 1)).scope("core.contact", "read") is Scope.all
    assert EPOCH == "people"
