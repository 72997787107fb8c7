"""What people hear of requests: a mail with a one-time link, and a notification."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crm_core.auth.links import create_link
from crm_core.auth.people import User
from crm_core.entity import query
from crm_core.errors import Invalid
from crm_core.features.approvals.models import Approval, Approver
from crm_core.features.mail import public as mail
from crm_core.features.notifications.public import notify
from crm_core.i18n import Strings, Text
from crm_core.plugin import NotificationKind
from crm_core.plugin.declare import Ref

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")
PURPOSE = "core.approval"
LASTS = timedelta(days=30)
"""How long a link in a mail works at most; on the page the request waits as long as it is open."""
ASKED, CLOSED = "core.approval_asked", "core.approval_closed"
KINDS = (
    NotificationKind(
        name=ASKED, label=_("Somebody asks for my approval"), default="app", strength=80, icon="help-circle"
    ),
    NotificationKind(
        name=CLOSED, label=_("An approval I asked for is decided"), default="mail", strength=60, icon="circle-check"
    ),
)
ENDS = {
    "approved": _("A request was approved"), "rejected": _("A request was refused"),
    "expired": _("A request expired"), "withdrawn": _("A request was withdrawn"),
    "stale": _("A record changed before its approval: ask again"),
}  # fmt: skip


async def ask(uow: UnitOfWork, approval: Approval, asked: Sequence[Approver]) -> None:
    """Mail everybody who is asked, and their deputies, a link that decides once; tell them in the app too."""
    wanted: dict[UUID, Approver] = {}
    for row in asked:
        for user_id in (row.user_id, row.deputy_id):
            if user_id is not None:
                wanted.setdefault(user_id, row)
    await _ask(uow, approval, wanted)


async def ask_deputies(uow: UnitOfWork, approval: Approval, rows: Sequence[Approver]) -> None:
    """Ask those who stand in, since today, for people asked before."""
    await _ask(uow, approval, {row.deputy_id: row for row in rows if row.deputy_id is not None})


async def _ask(uow: UnitOfWork, approval: Approval, wanted: dict[UUID, Approver]) -> None:
    users = await uow.session.scalars(sa.select(User).where(User.id.in_(list(wanted)), User.is_active))
    about = Ref(approval.entity, approval.record_id)
    label = (await query.labels(uow, {about})).get(about, "")
    asker = uow.actor.name if approval.requested_by else ""
    for user in users:
        await _mail(uow, approval, user, wanted[user.id], label, asker)
    await _notify(uow, wanted, ASKED, approval, _("Your approval is asked for"), approval.reason)


async def _mail(uow: UnitOfWork, approval: Approval, user: User, row: Approver, label: str, asker: str) -> None:
    until = min(approval.expires_at or uow.now + LASTS, uow.now + LASTS)
    token = await create_link(
        uow, PURPOSE, ref=Ref("core.approval", approval.id), expires_at=until, max_uses=1,
        data={"user": str(user.id), "approver": str(row.id)},
    )  # fmt: skip
    try:
        await mail.send_template(
            uow, "core/mail/approval", to=user.email, kind="security", purpose=PURPOSE, locale=user.locale,
            about=(Ref(approval.entity, approval.record_id),), title=approval.title, reason=approval.reason,
            label=label, asker=asker, until=until, path=f"/public/approval/{token}",
        )  # fmt: skip
    except Invalid:  # an address nothing can be sent to: the request waits on the page
        return


async def tell(uow: UnitOfWork, approval: Approval, users: Iterable[UUID], comment: str = "") -> None:
    """Tell the requester, and who need not decide any more, how a request ended."""
    await _notify(uow, users, CLOSED, approval, ENDS[approval.state], comment)


async def _notify(uow: UnitOfWork, users: Iterable[UUID], kind: str, approval: Approval, text: Text, more: str) -> None:
    people = list(users)
    note = f"{approval.title}\n{more}".strip()[:500]  # only for those who may read the record
    if people:
        await notify(
            uow, people, kind, Ref(approval.entity, approval.record_id), text, note=note,
            path=f"/approvals/{approval.id}", event=f"{kind}:{approval.id}:{approval.turn}",
        )  # fmt: skip
