"""Who may close a record to somebody it was shared with."""

from __future__ import annotations

import pytest
from crm_core.testing.people import People


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_share_of_somebody_else_is_closed_only_by_who_may_assign(as_user: People) -> None:
    ada, bob, eve = await as_user("sales", "ada"), await as_user("sales", "bob"), await as_user("sales", "eve")
    key = (await ada.api.post("/companies", {"name": "Harbour Tools"}))["id"]
    await ada.api.post(f"/companies/{key}/shares", {"user_id": str(bob.id), "level": "edit"})
    theirs = await ada.api.post(f"/companies/{key}/shares", {"user_id": str(eve.id)})
    await bob.api.delete(f"/companies/{key}/shares/{theirs['id']}", status=403)
    assert (await eve.api.get(f"/companies/{key}"))["id"] == key
    await ada.api.delete(f"/companies/{key}/shares/{theirs['id']}")
    await eve.api.get(f"/companies/{key}", status=404)
