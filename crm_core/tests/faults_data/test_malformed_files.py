"""F24: broken tables and bodies are refused or reported, never a fault of ours; a killed import can go on."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
from crm_core.auth.actor import system
from crm_core.errors import CrmError
from crm_core.features.imports.public import Plan, guess, open_sheet, run_import
from crm_core.kernel import Kernel
from crm_core.testing.people import Api

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]
GOOD = 'Name,City,Employees\nMüller & Söhne,Köln,12\n"Komma, ""Zitat""",Zürich,5\n=1+1,東京,7\n'.encode()


def book() -> bytes:
    made, out = openpyxl.Workbook(), io.BytesIO()
    for row in (("Name", "City", "Employees"), ("A", "B", 1), ("=1+1", None, "x")):
        made.active.append(row)  # type: ignore[union-attr]
    made.save(out)
    return out.getvalue()


def special() -> Sequence[bytes]:
    """Return the files that people and programs really produce, at their worst."""
    return (
        b"", b"\n" * 1000, b"Name\n" + b"x" * (10 * 2**20), b'Name\n"' + b"y\n" * 200_000, b"\xef\xbb\xbf" + GOOD,
        GOOD.decode().encode("utf-16"), b"\xff\xfe" + GOOD, GOOD.replace(b"\n", b"\r"),
        GOOD + "Größe".encode("cp1252") + b",x,1\n",
        (",".join(f"c{n}" for n in range(10_000)) + "\n" + "1," * 10_000).encode(), b"Name\n" + b"\x00" * 1000,
        b"Name,Name,Name\na,b,c\n", b",,,\n1,2,3\n",
        b"Name\n" + b"," * 100_000 + b"\n", b"PK\x03\x04" + os.urandom(5000), b"\x89PNG" + GOOD,
    )  # fmt: skip


def mutant(good: bytes, chance: random.Random) -> bytes:
    """Return a file with a few bytes changed, cut, doubled or moved."""
    data = bytearray(good)
    for _ in range(chance.randint(1, 8)):
        at, how = chance.randrange(len(data) + 1), chance.randrange(5)
        if how == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif how == 1:
            del data[at : at + chance.randint(1, 20)]
        elif how == 2:
            data[at:at] = chance.choice((b'"', b"\r", b"\x00", b"\xff", b",,", b"\n", b"\xe2\x80\xa8", b"'", b";"))
        elif how == 3:
            data[at:at] = data[: chance.randint(1, 50)]
        else:
            data = data[:at] or bytearray(b"x")
    return bytes(data)


async def test_broken_tables_are_refused_or_reported(kernel: Kernel, tmp_path: Path, full: bool) -> None:
    kernel.db.write_limit = None
    chance, entity, actor = random.Random(24), kernel.registry.entity("core.company"), system("test")
    files = [*special(), *(mutant(good, chance) for good in (GOOD, book()) for _ in range(2000 if full else 100))]
    refused = imported = failed = 0
    faults = []
    for number, content in enumerate(files):
        path = tmp_path / f"{number}"
        path.write_bytes(content)
        try:
            sheet = open_sheet(path)
            mapping = guess(kernel.registry, actor, entity, sheet.columns)
            report = await run_import(kernel, actor, sheet, Plan(entity=entity, mapping=mapping))
            imported, failed = imported + report.created, failed + report.failed
        except CrmError:
            refused += 1  # what the API answers with 4xx and the reason
        except Exception as error:  # noqa: BLE001 - every one would be a 500
            faults.append(f"file {number}: {error!r}"[:200])
        path.unlink()
    print(f"F24 {kernel.db.dialect}: {len(files)} broken CSV and XLSX files: {refused} refused with a reason, {imported} rows "  # noqa: E501
          f"in, {failed} rows reported, {len(faults)} faults of ours")  # fmt: skip
    assert not faults, "\n".join(faults[:20])


async def test_broken_json_is_a_clear_refusal(kernel: Kernel, api: Api, full: bool) -> None:
    chance, count, faults, seen = random.Random(25), 4000 if full else 200, [], {}
    good = json.dumps({"name": "A", "employees": 5, "revenue": "1.50", "tags": ["a"], "founded": 1999}).encode()
    headers = {**api.headers, "content-type": "application/json"}
    for _ in range(count):
        answer = await api.client.post("/api/v1/companies", content=mutant(good, chance), headers=headers)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        if answer.status_code not in (201, 400, 409, 413, 422):
            faults.append(f"{answer.status_code} {answer.text[:100]}")
    print(f"F24 {kernel.db.dialect}: {count} broken JSON bodies: {seen}, {len(faults)} faults of ours")
    assert not faults, "\n".join(faults[:20])


def importing(file: Path) -> list[str]:
    """Return the command that imports a table of companies, finding those that are in by their names."""
    given = ("Name=name", "City=city", "Employees=employees")
    maps = [part for one in given for part in ("--map", one)]
    start = [sys.executable, "-c", "from crm_core.cli import main; main()"]
    return [*start, "import", "companies", str(file), *maps, "--match", "name"]


async def test_killed_import_goes_on_without_duplicates(kernel: Kernel, tmp_path: Path, full: bool) -> None:
    """The same command again, finding what is in by its name."""
    count, config = 1_000_000 if full else 50_000, kernel.config
    file = tmp_path / "companies.csv"
    with file.open("w") as out:
        out.write("Name,City,Employees\n")
        out.writelines(f"Company {n},City {n % 100},{n % 5000}\n" for n in range(count))
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("CRM_")},
                   "CRM_FOLDER": str(tmp_path / "crm"), "CRM_DATABASE_URL": config.database_url,
                   "CRM_SECRET_KEY": config.secret_key}  # fmt: skip
    command, started, used = importing(file), time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while (half := (await kernel.db.fetch("select count(*) from core_company", []))[0][0]) < count * 0.4:
        assert first.poll() is None, "the import ended before it was killed"
        await asyncio.sleep(0.2 if count < 100_000 else 3)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    again = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, check=False
    )
    seconds, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    rows, names = (await kernel.db.fetch("select count(*), count(distinct name) from core_company", []))[0]
    print(f"F24 {kernel.db.dialect}: import of {count:,} rows killed at {half:,}, run again: {rows:,} rows, "
          f"{rows - names} twice, {count - names} lost, {seconds:.0f} s in all, {(count + half) / seconds:.0f} rows/s "
          f"read; {used.ru_utime + used.ru_stime - cpu:.0f} s of processor time in the importing processes"
          )  # fmt: skip
    assert (again.returncode, rows, names) == (0, count, count), again.stderr[-2000:] + again.stdout[-2000:]
    assert seconds < 600 * (1.5 if full else 1)


def test_the_file_used_above_is_sound() -> None:
    """A mutant of nothing would prove nothing."""
    assert GOOD.decode().count("\n") == 4
    assert openpyxl.load_workbook(io.BytesIO(book())).active is not None
