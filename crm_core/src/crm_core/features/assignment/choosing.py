"""Who of a pool's members gets a record: pure, so that every strategy can be tried without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

STRATEGIES = ("round_robin", "least_busy", "weighted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What is known of a member at the moment. turn: of their last record in this pool, 0 for none yet."""

    user_id: UUID
    name: str = ""
    position: int = 0
    weight: int = 1
    capacity: int | None = None
    load: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)
    turn: int = 0
    balance: int = 0
    is_paused: bool = False
    is_active: bool = True
    is_absent: bool = False
    is_working: bool = True
    takes: bool = True


def skip(member: Member, needs: Mapping[str, int]) -> str:
    """Return why a member cannot take a record, "" if they can."""
    if not member.is_active:
        return "inactive"
    if member.is_paused:
        return "paused"
    if member.is_absent:
        return "absent"
    if not member.is_working:
        return "off_hours"
    if not member.takes:
        return "filter"
    if lacking(member, needs):
        return "skill"
    if member.capacity is not None and member.load >= member.capacity:
        return "full"
    return "weight" if member.weight < 1 else ""


def lacking(member: Member, needs: Mapping[str, int]) -> dict[str, int]:
    """Return the needed skills that a member has not, or at a lower level."""
    return {name: level for name, level in needs.items() if member.skills.get(name, 0) < level}


def detail(member: Member, needs: Mapping[str, int], reason: str) -> str:
    """Return what explains a reason: the skills that are lacking, how many open records of how many."""
    if reason == "skill":
        return write_skills(lacking(member, needs))
    return f"{member.load}/{member.capacity}" if reason == "full" else ""


def choose(strategy: str, able: Sequence[Member]) -> tuple[Member | None, list[Member]]:
    """Return who gets it, and the members whose balance changed.

    round_robin: whoever waited longest. least_busy: the smallest load, then whoever waited longest. weighted: smooth
    weighted round-robin: each balance grows by the weight, the largest is chosen and pays what all got together.
    """
    if not able:
        return None, []
    if strategy == "weighted":
        grown = [replace(m, balance=m.balance + m.weight) for m in able]
        best = max(grown, key=lambda m: (m.balance, -m.position, m.user_id.int))
        paid = replace(best, balance=best.balance - sum(m.weight for m in able))
        return paid, [paid if m is best else m for m in grown]
    if strategy == "least_busy":
        return min(able, key=lambda m: (m.load, m.turn, m.position, m.user_id.int)), []
    return min(able, key=lambda m: (m.turn, m.position, m.user_id.int)), []


def parse_skills(text: str) -> dict[str, int]:
    """Return name -> level of "german:3, billing"; ValueError names what is no skill. Levels are 1 to 9."""
    found: dict[str, int] = {}
    for part in (p.strip() for p in text.replace("\n", ",").replace(";", ",").split(",")):
        if not part:
            continue
        name, colon, level = (x.strip() for x in part.partition(":"))
        if not name or len(name) > 60 or (colon and not (level.isascii() and level.isdigit() and 1 <= int(level) <= 9)):
            raise ValueError(part)
        found[name.casefold()] = int(level) if colon else 1
    return found


def write_skills(skills: Mapping[str, int]) -> str:
    """Return skills as `parse_skills` reads them."""
    return ", ".join(f"{name}:{level}" for name, level in sorted(skills.items()))
