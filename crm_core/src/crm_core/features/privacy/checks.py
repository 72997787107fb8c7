"""Whether everybody who was erased is erased in this database too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_core.features.privacy.again import came_back
from crm_core.plugin import Check

if TYPE_CHECKING:
    from crm_core.uow import UnitOfWork


class ErasedPersonsAreBack(RuntimeError):
    """A restore brought back persons who were erased, and nobody has erased them again yet."""


async def erased_stay_erased(uow: UnitOfWork) -> str | None:
    """Return nothing; ErasedPersonsAreBack while a noted erasure has not been done again here."""
    if returned := await came_back(uow):
        raise ErasedPersonsAreBack(f"{len(returned)} erased persons are back: run `crm privacy reapply`")
    return None


CHECKS = (Check("erasures", erased_stay_erased),)
