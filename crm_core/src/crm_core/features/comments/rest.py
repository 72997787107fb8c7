"""Whom a comment can name, by API. Comments themselves are records: `/api/v1/comments`."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.features.comments import mentions, queries
from crm_core.features.comments.schemas import Candidate
from crm_core.plugin import Ref
from crm_core.uow import UnitOfWork
from crm_core.web.controllers import ApiController

Uow = NamedDependency[UnitOfWork]


class MentionsApi(ApiController):
    """People who can be named in a comment on a record."""

    path = "/mentions"
    permission = "core.comment.read"
    tags = ("Comments",)

    @get(summary="Find people to mention")
    async def people(self, uow: Uow, about: FromQuery[str] = "", q: FromQuery[str] = "") -> dict[str, list[Candidate]]:
        """Return users who may read the record `about` (entity:id) and whose name or address begins with `q`."""
        entity, record = await queries.record_of(uow, about)
        found = await mentions.candidates(uow, Ref(entity.name, record.id), q.strip()[:100])
        return {"items": [Candidate(id=i, name=n, markup=mentions.markup(n, i)) for i, n in found]}
