"""How likely two records are the same: reasons and a score."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from rapidfuzz import fuzz

from crm_core.features.duplicates.schemas import Reason
from crm_core.features.people.public import Key, significant
from crm_core.plugin.declare import Entity

LEAST = 50  # a score below is no hint
ALIKE = 85.0  # of rapidfuzz's 100, from which names count as similar
WEIGHTS = {"email": 0.95, "phone": 0.6, "domain": 0.75, "company": 0.4}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is compared of a record: its title, its company, its addresses."""

    title: str
    company: UUID | None
    keys: Collection[Key]


def score(entity: Entity, one: Facts, other: Facts) -> tuple[int, list[Reason]]:
    """Return 0 to 100 and why; each reason takes away its part of what speaks against it."""
    reasons: list[Reason] = []
    against = 1.0
    shared = {k for k in one.keys if k.kind != "name"} & set(other.keys)
    for key in sorted(shared):
        if all(r.kind != key.kind for r in reasons):
            against *= 1 - WEIGHTS[key.kind]
        reasons.append(Reason(key.kind, key.folded))
    weight, reason = _names(entity, one.title, other.title)
    if reason is not None:
        against *= 1 - weight
        reasons.append(reason)
        if one.company is not None and one.company == other.company:
            against *= 1 - WEIGHTS["company"]
            reasons.append(Reason("company", ""))
    return round(100 * (1 - against)), reasons


def _names(entity: Entity, one: str, other: str) -> tuple[float, Reason | None]:
    """Return what the names say. People share names more often than companies do."""
    left, right = significant(one), significant(other)
    if not left or not right:
        return 0.0, None
    title = entity.field(entity.title)
    person = title is not None and title.personal
    if sorted(left) == sorted(right):
        whole = 0.7 if len(left) > 1 else 0.45
        return (whole if person else 0.85), Reason("name", "100")
    alike = fuzz.token_sort_ratio(" ".join(left), " ".join(right))
    if alike < ALIKE:
        return 0.0, None
    part = (alike - ALIKE) / (100 - ALIKE)
    return (0.3 + 0.3 * part if person else 0.5 + 0.3 * part), Reason("similar_name", str(int(alike)))
