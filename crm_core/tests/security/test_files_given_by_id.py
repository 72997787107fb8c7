"""A field for a file takes the id of an upload: it must be the caller's to read, and fit the field."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest
from crm_core.testing.people import Api, People
from crm_core.testing.sample_plugin import plugin as sample

NOWHERE = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    return (("sample", sample),)


async def upload(api: Api, name: str, content: bytes) -> str:
    """Upload a file and return its id."""
    made: Any = await api.client.post("/api/v1/files/upload", files={"file": (name, content)}, headers=api.headers)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def test_file_field_takes_its_own_types_and_sizes_and_files_of_the_caller_only(api: Api, as_user: People) -> None:
    visit = {"subject": "Tour", "visited_on": "2026-05-04"}
    good = await upload(api, "report.pdf", b"%PDF-1.7 good")
    made = await api.post("/sample-visits", {**visit, "report_id": good})
    assert made["report_id"] == good
    for name, content, words in (
        ("page.html", b"<script>", "is not one of"), ("big.pdf", b"%PDF-" + b"0" * (2**20 + 1), "too large"),
        ("sound.pdf", b"GIF89a", "is not one of"),
    ):  # fmt: skip
        wrong = await upload(api, name, content)
        told = await api.post("/sample-visits", {**visit, "report_id": wrong}, status=422)
        assert words in told["fields"]["report_id"], told
        told = await api.patch(f"/sample-visits/{made['id']}", {"report_id": wrong}, status=422)
        assert words in told["fields"]["report_id"], told
    again = await api.patch(f"/sample-visits/{made['id']}", {"report_id": good, "subject": "Longer tour"})
    assert again["report_id"] == good


async def test_file_of_somebody_else_reads_like_one_that_is_not_there(api: Api, as_user: People) -> None:
    rep = await as_user("sales", "rep")
    theirs = await upload(api, "secret.pdf", b"%PDF-1.7 secret")
    visit = {"subject": "Tour", "visited_on": "2026-05-04"}
    bodies = [{**visit, "report_id": key} for key in (theirs, NOWHERE)]
    answers = [await rep.api.post("/sample-visits", body, status=422) for body in bodies]
    assert answers[0] == answers[1]
    assert list(answers[0]["fields"]) == ["report_id"]
