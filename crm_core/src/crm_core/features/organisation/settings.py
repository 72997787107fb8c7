"""What we know about the organisation that uses this CRM."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated
from zoneinfo import available_timezones

import msgspec
from msgspec import Meta

from crm_core.entity.filter_times import CalendarSettings
from crm_core.i18n import LOCALES, Text
from crm_core.plugin import SettingsGroup, Strings
from crm_core.plugin.errors import Invalid
from crm_core.web.choices import countries
from crm_core.web.page import Brand

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork

_ = Strings("crm_core")


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """Name and address as printed on documents; `locale` and `zone` are what new users get.

    country: ISO 3166 code of two letters, "" for none.
    """

    name: Annotated[
        str,
        Meta(
            title=str(_("Name of the organisation")),
            description=str(_("As printed on documents and mails")),
            max_length=120,
        ),
    ] = ""
    legal_name: Annotated[
        str, Meta(title=str(_("Legal name")), description=str(_("With its legal form")), max_length=160)
    ] = ""
    tax_number: Annotated[str, Meta(title=str(_("Tax number")), max_length=40)] = ""
    vat_id: Annotated[str, Meta(title=str(_("VAT id")), max_length=20)] = ""
    website: Annotated[str, Meta(title=str(_("Website")), max_length=200, extra={"kind": "url"})] = ""
    street: Annotated[str, Meta(title=str(_("Street and number")), max_length=200, extra={"group": "address"})] = ""
    postcode: Annotated[str, Meta(title=str(_("Postcode")), max_length=20, extra={"group": "address"})] = ""
    city: Annotated[str, Meta(title=str(_("City")), max_length=100, extra={"group": "address"})] = ""
    country: Annotated[str, Meta(title=str(_("Country")), extra={"kind": "country", "group": "address"})] = ""
    locale: Annotated[
        str,
        Meta(
            title=str(_("Language")),
            description=str(_("What new users start with; each person can choose their own")),
            extra={"kind": "locale", "group": "language and time", "required": True},
        ),
    ] = "en"
    zone: Annotated[
        str,
        Meta(
            title=str(_("Time zone")),
            description=str(_("What new users start with; each person can choose their own")),
            extra={"kind": "zone", "group": "language and time", "required": True},
        ),
    ] = "UTC"


HEADINGS = (_("Address"), _("Language and time"))  # of the groups above


async def validate(uow: UnitOfWork, old: Organisation, new: Organisation) -> None:
    """Refuse a language, zone or country that does not exist; what was stored before may stay."""
    wrong: dict[str, Text | str] = {}
    if new.locale not in LOCALES:
        wrong["locale"] = _("Unknown language. Known: {known}.", known=", ".join(LOCALES))
    if new.zone not in available_timezones():
        wrong["zone"] = _("Unknown time zone.")
    if new.country and new.country != old.country and new.country not in countries("en"):
        wrong["country"] = _("A country is its code of two letters, such as DE.")
    if wrong:
        raise Invalid(_("Some values are not acceptable."), fields=wrong)


PNG, LARGEST_LOGO, WIDEST = b"\x89PNG\r\n\x1a\n", 300_000, 2000


async def validate_logo(uow: UnitOfWork, old: Brand, new: Brand) -> None:
    """Refuse what is no PNG, or a large one; the page draws every upload anew before it comes here."""
    if new.picture in ("", old.picture):
        return
    text = None
    try:
        content = base64.b64decode(new.picture, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    if not content.startswith(PNG) or content[12:16] != b"IHDR":
        text = _("A logo is a PNG in base64.")
    elif len(content) > LARGEST_LOGO or not 0 < width <= WIDEST or not 0 < height <= WIDEST:
        text = _("This picture is too large.")
    if text is not None:
        raise Invalid(text, fields={"picture": text})


GROUP = SettingsGroup(
    name="core.organisation", struct=Organisation, label=_("Organisation"), order=10, validate=validate
)
CALENDAR = SettingsGroup(name="core.calendar", struct=CalendarSettings, label=_("Week and fiscal year"), order=15)
LOGO = SettingsGroup(
    name="core.logo", struct=Brand, label=_("Logo"), order=12, page="/organisation/logo", validate=validate_logo
)
