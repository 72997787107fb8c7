"""What signing in demands of everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import sqlalchemy as sa
from msgspec import Meta

from crm_core.db.tables import NOBODY, Setting
from crm_core.features.identities import public as identities
from crm_core.plugin import SettingsGroup, Strings

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
_("Password sign-in off")
_("People sign in by single sign-on only. Administrators keep their passwords until one of them can do so too.")
_("Everybody needs a second factor")
_("Who has none sets it up at the next sign-in. A role can demand it for those who hold it.")


class SignInRules(msgspec.Struct, frozen=True, kw_only=True):
    """Rules of signing in."""

    second_factor_for_all: Annotated[
        bool,
        Meta(
            title="Everybody needs a second factor",
            description="Who has none sets it up at the next sign-in. A role can demand it for those who hold it.",
        ),
    ] = False
    passwords_off: Annotated[
        bool,
        Meta(
            title="Password sign-in off",
            description="People sign in by single sign-on only. Administrators keep their passwords until one of them "
            "can do so too.",
        ),
    ] = False


async def demand_way_in(uow: UnitOfWork, old: SignInRules, new: SignInRules) -> None:
    """Refuse to switch passwords off while no administrator can sign in without one."""
    if new.passwords_off and not old.passwords_off:
        await identities.demand_way_in(uow)


GROUP = SettingsGroup(
    name="core.sign_in", struct=SignInRules, label=_("Signing in"), permission="core.security.manage", order=40,
    validate=demand_way_in,
)  # fmt: skip


async def rules(uow: UnitOfWork) -> SignInRules:
    """Return the rules from the database: who signs in has brought no epoch that would tell a kept value is old."""
    mine = (Setting.scope == "system", Setting.user_id == NOBODY, Setting.name == GROUP.name)
    row = await uow.session.scalar(sa.select(Setting.value).where(*mine))
    return msgspec.convert(row or {}, SignInRules, strict=False)
