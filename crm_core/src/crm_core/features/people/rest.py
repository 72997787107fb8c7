"""People by address, by API."""

from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from crm_core.errors import Invalid
from crm_core.features.people.queries import MOST, find_people
from crm_core.i18n import Strings
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

_ = Strings("crm_core")
Uow = NamedDependency[UnitOfWork]


class Addresses(msgspec.Struct, forbid_unknown_fields=True):
    """E-mail addresses, phone numbers and domains, at most 1,000."""

    addresses: list[str]


class PersonOut(msgspec.Struct):
    """A record that has the address. by: "email", "phone" or "domain"."""

    entity: str
    id: UUID
    title: str
    by: str


class Found(msgspec.Struct):
    """An address as given, and who has it."""

    address: str
    people: list[PersonOut]


class FoundPeople(msgspec.Struct):
    """One entry per address, in the order given."""

    results: list[Found]


class PeopleApi(ApiController):
    """Who has an address, among the records the caller may read."""

    path = "/people"
    signed_in = True
    tags = ("People",)

    @post("/by-address", status_code=200, summary="Find people by address")
    async def find(self, uow: Uow, data: JSONBody[Addresses]) -> FoundPeople:
        """Return contacts, leads, users and companies by e-mail address, phone number or domain."""
        if len(data.addresses) > MOST:
            raise Invalid(_("At most {count} addresses at once.", count=MOST))
        found = await find_people(uow, data.addresses)
        return FoundPeople(
            [Found(a, [PersonOut(p.entity, p.id, p.title, p.by) for p in people]) for a, people in found.items()]
        )
