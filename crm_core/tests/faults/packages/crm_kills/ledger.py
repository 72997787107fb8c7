"""What was asked for, what was killed, what came of it: the numbers that a fault test prints and asserts."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa
from crm_core.auth.actor import system
from crm_core.auth.people import Role, User, UserRole
from crm_core.auth.tokens import create_token
from crm_core.db.types import utcnow
from crm_core.jobs.rows import JOBS, job
from crm_core.kernel import Kernel

from crm_kills import failpoints
from crm_kills.jobs import DDL
from crm_kills.schemas import Leave, Parts, Retry, Square

KINDS = ("plain", "keyed", "once", "lane", "delayed", "retrying", "isolated", "several transactions")
AFTER = 1_000_000
"""Added to the number of a lane's job, the number of the one that follows it."""
PARTS = 3
DELAY = 1.0


@dataclass(slots=True)
class Ledger:
    """The jobs of one test. acknowledged: a file outside the system, a line per committed job."""

    kernel: Kernel
    folder: Path
    asked: dict[int, str] = field(default_factory=dict)

    @property
    def acknowledged(self) -> Path:
        """Return the file."""
        return self.folder / "acknowledged"

    async def prepare(self) -> None:
        """Make the table of effects; on a busy machine the test's own writes may take their time."""
        self.kernel.db.write_limit = None
        (self.folder / "kills").mkdir(parents=True, exist_ok=True)
        async with self.kernel.db.write.begin() as connection:
            await connection.execute(sa.text(DDL))

    async def enqueue(self, number: int, kind: str = "plain", die: str = "") -> None:
        """Commit a job of a kind whose process is to die at a step, and note it."""
        calls: dict[str, Any] = {"retrying": Retry, "isolated": Square, "several transactions": Parts}
        call = calls.get(kind, Leave)(number=number, die=die)
        options: dict[str, Any] = {
            "keyed": {"key": f"k{number}"}, "once": {"key": f"once:{number}"}, "lane": {"lane": f"lane {number}"},
            "delayed": {"run_at": utcnow() + timedelta(seconds=DELAY)},
        }.get(kind, {})  # fmt: skip
        async with self.kernel.write(system("test")) as uow:
            await uow.enqueue(call, **options)
            if kind in ("keyed", "once"):
                await uow.enqueue(call, **options)  # kept out by the key
            if kind == "lane":
                await uow.enqueue(Leave(number=number + AFTER), **options, run_at=utcnow() + timedelta(milliseconds=1))
        with self.acknowledged.open("a") as file:
            file.write(f"{number}\n" + (f"{number + AFTER}\n" if kind == "lane" else ""))
        self.asked[number] = kind

    def struck(self) -> int:
        """Return how many processes were killed."""
        return sum(1 for _marker in (self.folder / "kills").glob("[0-9]*"))

    async def wait(self, seconds: float) -> None:
        """Return when every job has ended; AssertionError with the rest after `seconds`."""
        deadline = time.monotonic() + seconds
        unfinished = sa.select(job.args, job.state, job.attempts, job.error).where(
            job.kind.startswith("kills."), job.state.not_in(("done", "dead"))
        )
        while True:
            async with self.kernel.db.read.connect() as connection:
                left = (await connection.execute(unfinished.limit(20))).all()
            if not left:
                return
            assert time.monotonic() < deadline, left
            await asyncio.sleep(0.2)

    async def outcome(self) -> Outcome:
        """Compare the file of acknowledged jobs with the effects."""
        async with self.kernel.db.read.connect() as connection:
            left = (await connection.execute(sa.text("select number, part, at from kills_effect"))).all()
            rows = (await connection.execute(sa.select(JOBS).where(job.kind.startswith("kills.")))).all()
        effects = Counter((number, part) for number, part, _at in left)
        at = {number: when for number, part, when in sorted(left, key=lambda e: e.at)}
        for row in rows:
            if row.kind == "kills.square" and row.result == row.args["number"] ** 2:
                effects[row.args["number"], 0] += 1
                at[row.args["number"]] = row.finished_at.timestamp()
        wanted = {
            (number, part)
            for number in map(int, self.acknowledged.read_text().split())
            for part in range(PARTS if self.asked.get(number) == "several transactions" else 1)
        }
        killed = failpoints.kills(self.folder / "kills")
        cut = failpoints.cut_off(self.folder / "kills")
        overtaken = [n for n, kind in self.asked.items() if kind == "lane" and at[n] > at[n + AFTER]]
        return Outcome(
            killed=killed,
            lost=len(wanted - set(effects)),
            twice=sum(count > 1 for count in effects.values()) + len(set(effects) - wanted),
            dead=sum(row.state == "dead" for row in rows),
            overtaken=len(overtaken),
            attempts=sum(row.attempts for row in rows),
            heals=sorted(at[n] - when for n, when in cut.items() if n in at and at[n] > when),
            often=sum(when > killed[n][1] for n, when in cut.items() if n in killed),
        )


@dataclass(slots=True)
class Outcome:
    """killed: step and time of each kill by job. heals: seconds from the last kill that cut a job off to its effect,
    sorted. often: jobs that were cut off again by the kill of another one."""

    killed: dict[int, tuple[str, float]]
    lost: int
    twice: int
    dead: int
    overtaken: int
    attempts: int
    heals: list[float]
    often: int

    def told(self) -> str:
        """Return the line that is printed."""
        by_step = Counter(step for step, _at in self.killed.values())
        return (
            f"N = {len(self.killed)} kills ({', '.join(f'{n} {s}' for s, n in sorted(by_step.items()))}): "
            f"{self.lost} lost, {self.twice} twice, {self.dead} dead, {self.overtaken} overtaken in their lane; "
            f"{self.attempts} attempts; {self.often} cut off again; "
            f"healed after {median(self.heals):.1f} s (median), {self.heals[-1]:.1f} s (most)"
        )


async def token_of(kernel: Kernel) -> str:
    """Return the token of a new administrator."""
    async with kernel.write(system("test")) as uow:
        user = User(name="Client", email="client@example.test")
        uow.session.add(user)
        await uow.session.flush()  # role and token need the id
        admin = await uow.session.scalar(sa.select(Role.id).where(Role.key == "admin"))
        uow.session.add(UserRole(user_id=user.id, role_id=admin))
        _row, token = await create_token(uow, user.id, "test")
    return token
