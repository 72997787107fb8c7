"""F1, F28: the web process is killed at each step of a write; clients try again with the same Idempotency-Key.

N: 500 kills over all writes and 2,000 over uploads, half of them on each database; a twentieth in CI.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import math
import random
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.features.files.sweeping import sweep
from crm_core.jobs.runner import run_due
from crm_core.kernel import Kernel
from crm_kills import failpoints
from crm_kills.forged import Processes
from crm_kills.ledger import Ledger, token_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

KILLS, UPLOAD_KILLS = 500, 2000
PATIENCE = 60.0
KINDS = ("upload", "order", "contact")
UPLOADS = ("receiving", "storing", "unnamed blob", "blob without row")
UPLOAD_STEPS = {point: (point,) for point in (*UPLOADS, "commit", "committed", "answering")}


@dataclass(frozen=True)
class Call:
    """One request of a client; `key` stays the same when it is sent again."""

    number: int
    kind: str

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.number}"

    @property
    def content(self) -> bytes:
        return random.Random(self.number).randbytes(200_000)

    def request(self) -> tuple[str, bytes, str]:
        """Return path, body and content type."""
        if self.kind == "contact":
            contact = {"last_name": f"n{self.number}", "emails": [{"address": f"n{self.number}@example.com"}],
                       "phones": [{"number": f"+49 30 {self.number}"}]}  # fmt: skip
            return "/api/v1/contacts", json.dumps(contact).encode(), "application/json"
        if self.kind == "order":
            return "/api/v1/kills/orders", json.dumps({"number": self.number}).encode(), "application/json"
        head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="n{self.number}.bin"\r\n\r\n'
        return (
            "/api/v1/files/upload",
            head.encode() + self.content + b"\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
        )


class Client:
    """Sends a call until it is answered, and notes the answer in a file of its own."""

    def __init__(self, port: int, token: str, acknowledged: Path) -> None:
        self.port, self.token, self.acknowledged = port, token, acknowledged
        self.cut = self.busy = 0

    def call(self, call: Call) -> None:
        """Send a call again until it is done; AssertionError for any answer but 201 and 503, which says "again"."""
        deadline = time.monotonic() + PATIENCE
        status = 0
        while status != 201:
            assert time.monotonic() < deadline, f"{call.key} was never done"
            try:
                status, answer = self._send(call)
            except (OSError, http.client.HTTPException):
                self.cut += 1
                time.sleep(0.02)
                continue
            assert status in (201, 503), (call.key, status, answer[:500])
            self.busy += status == 503
        with self.acknowledged.open("a") as file:
            file.write(call.key + "\n")

    def _send(self, call: Call) -> tuple[int, bytes]:
        path, body, kind = call.request()
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.putrequest("POST", path)
            for name, value in (("authorization", f"Bearer {self.token}"), ("idempotency-key", call.key),
                                ("content-type", kind), ("content-length", str(len(body)))):  # fmt: skip
                line.putheader(name, value)
            line.endheaders()
            half = len(body) // 2
            line.send(body[:half])
            if call.kind == "upload":
                time.sleep(0.005)  # so that the body comes in parts
            line.send(body[half:])
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()


def kill_at_each_step(
    client: Client, folder: Path, each: int, steps: dict[str, tuple[str, ...]], kinds: tuple[str, ...]
) -> dict[str, int]:
    """Send calls, each killing its process once; return the kills by step."""
    hits = dict.fromkeys(steps, 0)
    number = 0
    for step, points in steps.items():
        while hits[step] < each:
            point = points[hits[step] % len(points)]
            kind = "upload" if point in UPLOADS else kinds[number % len(kinds)]
            kind = "order" if point == "half of the rows" else kind
            failpoints.order(folder, point)
            client.call(Call(number, kind))
            assert not (folder / failpoints.ORDER).exists(), f"{kind} {number} did not pass {point}"
            hits[step] += 1
            number += 1
    return hits


async def counted(kernel: Kernel, text: str) -> dict[Any, int]:
    async with kernel.db.read.connect() as connection:
        return {row[0]: row[1] for row in await connection.execute(sa.text(text))}


async def faults_of(kernel: Kernel, calls: list[Call]) -> dict[str, int]:
    """Compare what was acknowledged with what is there."""
    contacts = await counted(kernel, "select last_name, count(*) from core_contact group by last_name")
    parts = {}
    for table in ("core_contact_email", "core_contact_phone"):
        text = f"select c.last_name, count(*) from {table} e join core_contact c on c.id = e.contact_id group by 1"
        parts[table] = await counted(kernel, text)
    files = await counted(kernel, "select name, count(*) from core_file group by name")
    effects = await counted(kernel, "select number, count(*) from kills_effect group by number")
    hashes = await counted(kernel, "select sha256, count(*) from core_file group by sha256")
    found = {"lost": 0, "twice": 0, "half": 0}
    for call in calls:
        name = f"n{call.number}"
        counts = {
            "contact": [contacts.get(name, 0)],
            "order": [contacts.get(name, 0), effects.get(call.number, 0)],
            "upload": [files.get(f"{name}.bin", 0)],
        }[call.kind]
        found["lost"] += 0 in counts
        found["twice"] += max(counts) > 1
        if call.kind == "contact":
            found["half"] += any(p.get(name) != 1 for p in parts.values())
        if call.kind == "upload":
            stored = kernel.blobs.path(sha256(call.content).hexdigest())
            found["half"] += not stored.is_file() or stored.read_bytes() != call.content
    known = {f"n{c.number}" for c in calls}
    found["unknown"] = len(set(contacts) - known) + len(set(files) - {k + ".bin" for k in known})
    on_disk = {p.name for p in kernel.config.files.rglob("*") if p.is_file()}
    found["files without a row"] = len(on_disk - set(hashes))
    found["rows without a file"] = len(set(hashes) - on_disk)
    return found


@pytest.mark.parametrize("row", ["F1", "F28"])
async def test_writes_survive_kills_of_the_web_process_at_every_step(
    kernel: Kernel, processes: Processes, tmp_path: Path, share: int, dialect: str, row: str
) -> None:
    steps, kinds, number = failpoints.WEB_STEPS, KINDS, KILLS
    if row == "F28":
        steps, kinds, number = UPLOAD_STEPS, ("upload",), UPLOAD_KILLS
    each = math.ceil(number / 2 / len(steps) / share)
    await Ledger(kernel, tmp_path / "web").prepare()
    token, folder = await token_of(kernel), tmp_path / "web"
    config = kernel.config.but(testing=False, base_url="", api_limit=10**6, log_level="warning")
    port = processes.web(config, folder)
    client = Client(port, token, tmp_path / "acknowledged")
    started = time.monotonic()
    hits = await asyncio.to_thread(kill_at_each_step, client, folder / "kills", each, steps, kinds)
    seconds, deaths = time.monotonic() - started, processes.stop()
    await run_due(kernel)
    removed = await sweep(kernel, older=0.0)
    calls = [
        Call(int(number), kind)
        for kind, _, number in (line.partition("-") for line in client.acknowledged.read_text().split())
    ]
    found = await faults_of(kernel, calls)
    print(
        f"\n{row} {dialect}: N = {deaths} kills of the web process ({', '.join(f'{n} {s}' for s, n in hits.items())}), "
        f"{len(calls)} calls acknowledged, {client.cut} answers cut, {client.busy} times busy; swept "
        f"{removed.files} files; " + ", ".join(f"{n} {what}" for what, n in found.items()) + f"; {seconds:.0f} s"
    )
    assert deaths == sum(hits.values()) == len(calls)
    assert not any(found.values())
