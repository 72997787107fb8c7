"""Search by API."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm_core.entity import search
from crm_core.uow import UnitOfWork
from crm_core.web import ApiController
from crm_core.web.rest import answer


class SearchApi(ApiController):
    """Search over all kinds of records."""

    path = "/search"
    signed_in = True
    tags = ("Search",)

    @get(operation_id="search", summary="Search everything")
    async def search_all(
        self, uow: NamedDependency[UnitOfWork], q: FromQuery[str] = "", limit: FromQuery[int] = 20
    ) -> Response[bytes]:
        """Return records whose words start with the words of `q`, best first, as far as the caller may see them."""
        return answer({"items": await search.search(uow, q, limit=max(1, min(limit, 50)))})
