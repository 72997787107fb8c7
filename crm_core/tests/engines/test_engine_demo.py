"""Sample data shows approvals and web forms to whoever looks around."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.db.types import utcnow
from crm_core.defaults import load_demo
from crm_core.features.approvals.models import Approval
from crm_core.features.web_forms.models import WebForm, WebFormSubmission
from crm_core.kernel import Kernel

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


async def test_sample_data_has_requests_forms_and_submissions(kernel: Kernel) -> None:
    kernel.db.write_limit = None
    await load_demo(kernel, utcnow().date())
    async with kernel.read(system("test")) as uow:
        states = sorted(await uow.session.scalars(sa.select(Approval.state)))
        forms = set(await uow.session.scalars(sa.select(WebForm.name)))
        sent = sorted(await uow.session.scalars(sa.select(WebFormSubmission.state)))
    assert states == ["approved", "waiting", "waiting"]
    assert forms == {"Contact form", "Newsletter"}
    assert sent == ["accepted", "accepted", "spam"]
