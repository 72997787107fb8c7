"""What a suppressed address is: a record like any other, so that lists, API, import and export come by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_core.features.mail import addresses
from crm_core.features.mail.models import Suppression
from crm_core.features.mail.schemas import Reason
from crm_core.plugin import Entity, Strings, fields
from crm_core.plugin.records import create

if TYPE_CHECKING:
    from uuid import UUID

    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")

REASONS = (
    fields.Option(value=Reason.unsubscribe, label=_("Unsubscribed"), colour="amber"),
    fields.Option(value=Reason.bounce, label=_("Does not exist"), colour="red"),
    fields.Option(value=Reason.complaint, label=_("Complained"), colour="red"),
)


async def validate(uow: UnitOfWork, record: Suppression, changed: frozenset[str]) -> None:
    """Store the address as mails are sent to it; AddressNotValid for what is none."""
    if "address" in changed:
        record.address = addresses.address(record.address, "address")


SUPPRESSION = Entity(
    name="core.suppression",
    model=Suppression,
    label=_("Suppressed address"),
    plural=_("Suppressed addresses"),
    path="suppressions",
    icon="mail-off",
    title="address",
    fields=(
        fields.Email("address", _("E-mail"), required=True, sortable=True, length=254, search="A", personal=True),
        fields.Choice(
            "reason",
            _("Reason"),
            options=REASONS,
            default=Reason.unsubscribe.value,
            required=True,
            help=_("Unsubscribed addresses get no marketing. The other reasons stop everything but sign-in mails."),
        ),
        fields.Text("source", _("Source"), length=255),
        fields.DateTime("created_at", _("Since"), readonly=True, sortable=True),
    ),
    list_columns=("address", "reason", "source", "created_at"),
    default_sort="-created_at",
    match_by=("address",),
    validate=validate,
    protected=True,
    order=930,
)


async def suppress(uow: UnitOfWork, address: str, reason: Reason, source: str, *, mail_id: UUID | None = None) -> None:
    """Put an address on the list unless it is there for this reason."""
    from crm_core.features.mail import queries

    if reason not in await queries.reasons(uow, address):
        values = {"address": address, "reason": reason.value, "source": source[:255]}
        record: Suppression = await create(uow, SUPPRESSION, values, trusted=True)
        record.mail_id = mail_id
