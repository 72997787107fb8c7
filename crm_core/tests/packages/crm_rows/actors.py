"""Two teams and everybody who may ask: the people of the access matrix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Team, TeamMember
from crm_core.auth.tokens import create_token
from crm_core.db.types import new_id
from crm_core.entity import records
from crm_core.kernel import Kernel
from crm_core.plugin.declare import Entity
from crm_core.testing.people import People, Somebody

from crm_rows import kinds
from crm_rows.routes import Ask
from crm_rows.tables import Tables

MARK = "Zq7secret"
"""Part of everything that belongs to rep A; nobody else's answer may hold it."""
SYSTEM = system("test")


@dataclass
class World:
    """Two teams, their people, and the requests of each actor."""

    kernel: Kernel
    people: People
    tables: Tables
    actors: dict[str, tuple[Any, dict[str, str]]] = field(default_factory=dict)
    owner: Somebody | None = None
    asked: int = 0
    refused: int = 0

    async def make(self) -> World:
        """Add everybody. The disabled user was an administrator a second ago."""
        self.kernel.db.write_limit = None  # a busy machine is no fault of the rights
        self.owner = await self.people("sales", "rep-a")
        found = {"rep_b": await self.people("sales", "rep-b"), "lead": await self.people("manager", "lead"),
                 "readonly": await self.people("readonly", "reader"), "admin": await self.people("admin", "boss"),
                 "disabled": await self.people("admin", "gone")}  # fmt: skip
        async with self.kernel.write(SYSTEM) as uow:
            ours, theirs = Team(name="Ours"), Team(name="Theirs")
            uow.session.add_all((ours, theirs))
            await uow.session.flush()
            members = [
                {"id": new_id(), "user_id": who.id, "team_id": team.id, "is_primary": True, "created_at": uow.now}
                for who, team in ((self.owner, ours), (found["lead"], ours), (found["rep_b"], theirs))
            ]
            await uow.session.execute(sa.insert(TeamMember), members)
            await uow.raise_epoch("people")
            _row, narrow = await create_token(uow, found["lead"].id, "narrow", scopes=["core.tag"])
        await found["admin"].api.patch(f"/users/{found['disabled'].id}", {"is_active": False})
        self.actors = {name: (one.client, one.api.headers) for name, one in found.items()}
        self.actors["narrow"] = (self.people.browser(), {"authorization": f"Bearer {narrow}"})
        self.actors["anonymous"] = (self.people.browser(), {})
        await self.tables.changed()
        return self

    async def record(self, entity: Entity, *, trashed: bool = False) -> Any:
        """Return a record of rep A."""
        assert self.owner is not None
        async with self.kernel.write(SYSTEM) as uow:
            made = await kinds.make(uow, entity, MARK, self.owner.id)
            if trashed:
                await records.delete(uow, entity, made)
        return made

    async def send(self, actor: str, ask: Ask) -> Any:
        """Send a request as an actor: pages with the cookie, the API with the token."""
        client, headers = self.actors[actor]
        self.asked += 1
        if ask.path.startswith("/api/") or actor == "narrow":
            return await client.request(ask.method, ask.path, headers=headers, **ask.body)
        return await client.request(ask.method, ask.path, **ask.body)
