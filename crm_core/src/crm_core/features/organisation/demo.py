"""Sample data: the organisation, its teams and users."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.people import Role, TeamMember, User, UserRole
from crm_core.db.types import new_id
from crm_core.entity.folding import fold
from crm_core.entity.inserts import insert
from crm_core.entity.money import MoneySettings
from crm_core.features.organisation.settings import Organisation
from crm_core.features.sample import make

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

# name, parent
TEAMS = (("Sales", None), ("Sales North", "Sales"), ("Sales South", "Sales"), ("Customer support", None))
# name, e-mail, role, team, job title, locale, zone
USERS = (
    ("Alex Morgan", "admin@example.com", "admin", "Sales", "Administrator", "en", "Europe/Berlin"),
    ("Maria Schneider", "manager@example.com", "manager", "Sales", "Head of sales", "de", "Europe/Berlin"),
    ("Sam Taylor", "sales@example.com", "sales", "Sales North", "Account manager", "en", "Europe/London"),
    ("Sofia Keller", "support@example.com", "support", "Customer support", "Support agent", "de", "Europe/Berlin"),
    ("Robin Weber", "readonly@example.com", "readonly", "Sales", "Controller", "en", "Europe/Berlin"),
    ("Emma Hughes", "emma.hughes@example.com", "sales", "Sales North", "Account manager", "en", "Europe/London"),
    ("Jonas Becker", "jonas.becker@example.com", "sales", "Sales South", "Kundenberater", "de", "Europe/Berlin"),
    ("Lena Hoffmann", "lena.hoffmann@example.com", "sales", "Sales South", "Vertriebsleiterin", "de", "Europe/Vienna"),
)  # fmt: skip


async def load(uow: UnitOfWork, as_of: date) -> None:
    """Name the organisation; make teams and users, without passwords."""
    await uow.save_settings(
        Organisation(
            name="Nordlicht Trading GmbH",
            street="Am Sandtorkai 30",
            postcode="20457",
            city="Hamburg",
            country="DE",
            website="https://nordlicht.example.com",
            zone="Europe/Berlin",
        )
    )
    await uow.save_settings(MoneySettings(base_currency="EUR"))
    await make(uow, "core.rate", None, currency="USD", valid_from=date(as_of.year - 2, 1, 1), rate="0.920000")
    await make(uow, "core.rate", None, currency="GBP", valid_from=date(as_of.year - 2, 1, 1), rate="1.170000")
    await make(uow, "core.rate", None, currency="CHF", valid_from=date(as_of.year - 2, 1, 1), rate="1.040000")
    teams: dict[str, UUID] = {}
    for name, parent in TEAMS:
        team = await make(uow, "core.team", None, name=name, parent_id=teams.get(parent or ""))
        teams[name] = team.id
    await _users(uow, teams)


async def _users(uow: UnitOfWork, teams: dict[str, UUID]) -> None:
    roles = {key: role for role, key in await uow.session.execute(sa.select(Role.id, Role.key))}
    known = set(await uow.session.scalars(sa.select(User.email_f).where(User.deleted_at.is_(None))))
    for name, email, role, team, job, locale, zone in USERS:
        if fold(email) in known:
            continue
        values = {"name": name, "email": email, "job_title": job, "locale": locale, "zone": zone}
        user = await make(uow, "core.user", None, **values)
        insert(uow, TeamMember(id=new_id(), user_id=user.id, team_id=teams[team], is_primary=True))
        insert(uow, UserRole(id=new_id(), user_id=user.id, role_id=roles[role]))
