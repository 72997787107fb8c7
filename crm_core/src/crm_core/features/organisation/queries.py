"""What the organisation prints on its papers and mails."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

import msgspec

from crm_core.features.organisation.settings import Organisation
from crm_core.i18n import Strings
from crm_core.web.choices import countries
from crm_core.web.page import Brand

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class Imprint(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes: its legal name, address and numbers in the reader's language; "" for what is not known.

    logo: a data address, for `<img src>`. line: all but the logo in one line.
    """

    name: str
    address: str
    numbers: str
    website: str
    logo: str

    @property
    def line(self) -> str:
        """Return name, address, numbers and website in one line."""
        return " · ".join(part for part in (self.name, self.address, self.numbers, self.website) if part)


async def imprint(uow: UnitOfWork) -> Imprint:
    """Return what papers and mails print of the organisation."""
    own = await uow.settings(Organisation)
    town = f"{own.postcode} {own.city}".strip()
    address = ", ".join(part for part in (own.street, town, countries(uow.locale).get(own.country, "")) if part)
    named = ((_("Tax number"), own.tax_number), (_("VAT id"), own.vat_id))
    numbers = ", ".join(f"{label.to(uow.locale)} {value}" for label, value in named if value)
    logo = (await uow.settings(Brand)).picture
    return Imprint(
        name=own.legal_name or own.name, address=address, numbers=numbers, website=own.website,
        logo=f"data:image/png;base64,{logo}" if logo else "",
    )  # fmt: skip


async def logo_bytes(uow: UnitOfWork) -> bytes:
    """Return the logo as PNG, b"" for none."""
    return base64.b64decode((await uow.settings(Brand)).picture)


def letterhead(who: Imprint) -> str:
    """Return the head of a letter as HTML for `render_pdf`: the logo, the name and the address, the numbers below.

    The picture is inside the document: nothing is fetched when it is drawn.
    """
    picture = f'<img src="{who.logo}" style="max-width: 60mm; height: 14mm;">' if who.logo else ""
    below = " · ".join(escape(part) for part in (who.address, who.numbers, who.website) if part)
    return (
        f'<table style="margin-bottom: 10mm"><tr><td style="width: 40%">{picture}</td>'
        f'<td style="width: 60%; text-align: right"><b>{escape(who.name)}</b><br>'
        f'<span style="font-size: 8pt">{below}</span></td></tr></table>'
    )
