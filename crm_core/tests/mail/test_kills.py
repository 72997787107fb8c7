"""F4: the sender is killed after the last byte of a mail and before the server's answer. N: 300, a twentieth in CI."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from crm_core.features.mail.models import MailRow
from crm_core.kernel import Kernel

PACKAGES = Path(__file__).parent / "packages"
pytestmark = pytest.mark.faults


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_mail_whose_sender_dies_before_the_answer_is_flagged_and_never_sent_again(
    kernel: Kernel, smtp: Any, ledger: Any, full: bool
) -> None:
    kills = 300 if full else 15
    killed: Counter[str] = Counter()
    arrived: Counter[str] = Counter()
    process = start(kernel)
    pid = kernel.config.folder / "sender"

    async def die() -> None:
        """Every second mail kills its sender; the server has it whole by now."""
        if len(killed) < kills and sum(arrived.values()) % 2 == 0:
            killed[str(sum(arrived.values()))] += 1
            os.kill(int(pid.read_text()), signal.SIGKILL)

    smtp.on_data = die
    wanted = [await ledger.send(f"user{n}@example.test") for n in range(kills * 2)]
    real = smtp.handle_DATA

    async def counted(*given: Any) -> str:
        arrived[given[2].rcpt_tos[0]] += 1
        return str(await real(*given))

    smtp.handle_DATA = counted
    try:
        states = await settled(kernel, full)
    finally:
        (kernel.config.folder / "stop").touch()
        if pid.is_file():
            os.kill(int(pid.read_text()), signal.SIGTERM)
        await asyncio.to_thread(process.wait, 30)
    print(
        f"{len(killed)} kills between the message and the answer: {dict(states)}, {max(arrived.values())} at most each"
    )
    assert len(killed) == kills
    assert states == {"ambiguous": kills, "sent": len(wanted) - kills}
    assert max(arrived.values()) == 1
    assert len(arrived) == len(wanted)


def start(kernel: Kernel) -> subprocess.Popen[bytes]:
    """Start the process that forks senders."""
    config = kernel.config
    given = {
        "folder": str(config.folder), "database_url": config.database_url, "secret_key": config.secret_key,
        "outbound_allow": list(config.outbound_allow), "base_url": config.base_url, "testing": True,
    }  # fmt: skip
    path = os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-m", "crm_mail_kills.sender"], stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(given).encode() + b"\n")
    process.stdin.close()
    return process


async def settled(kernel: Kernel, full: bool) -> Counter[str]:
    """Wait until no mail waits or is on its way; return how many are in which state."""
    for _step in range(8000 if full else 1200):
        async with kernel.db.session(readonly=True) as session:
            rows = await session.execute(sa.select(MailRow.state, sa.func.count()).group_by(MailRow.state))
        found = Counter({str(state): int(count) for state, count in rows})
        if not {"queued", "sending"} & set(found):
            return found
        await asyncio.sleep(0.15)
    return found
