"""Import and export through REST."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest


async def test_file_is_previewed_and_imported_by_api(api: Any) -> None:
    content = b"Name,Sector,Employees\nA,technolgy,5\nB,Medical,x\n"
    seen = await api.post("/imports/preview", status=200, params={"entity": "companies"}, content=content)
    assert seen["guess"] == {"Name": "name", "Sector": "industry", "Employees": "employees"}
    assert [bool(r["problems"]) for r in seen["rows"]] == [True, True]
    report = await api.post("/imports", status=200, params={"entity": "companies"}, content=content)
    assert (report["created"], report["failed"]) == (1, 1)
    assert report["unknown"] == [{"column": "Sector", "value": "technolgy", "count": 1, "suggestion": "technology"}]
    await api.post("/imports", status=404, params={"entity": "nothing"}, content=content)
    await api.post("/imports", status=422, params={"entity": "companies", "map": "Nme=name"}, content=content)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_list_is_exported_by_api(api: Any, kind: str) -> None:
    await api.post("/companies", {"name": "=Acme"})
    params = {"format": kind, "fields": "name", "filter": '{"field":"name","op":"is","value":"=acme"}'}
    answer = await api.client.get("/api/v1/companies/export", params=params, headers=api.headers)
    assert answer.status_code == 200
    assert f"companies.{kind}" in answer.headers["content-disposition"]
    if kind == "csv":
        assert answer.content.decode("utf-8-sig").split() == ["name", "'=Acme"]
    else:
        book = openpyxl.load_workbook(io.BytesIO(answer.content))
        assert [c.value for c in list(book.active.iter_rows())[1]] == ["=Acme"]  # type: ignore[union-attr]
    for wrong in ({"format": "pdf"}, {"fields": "nothing"}, {"filter": "{"}):
        assert (await api.client.get("/api/v1/companies/export", params=wrong, headers=api.headers)).status_code == 422
