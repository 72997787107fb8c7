"""What other features and plugins may use of merging."""

from __future__ import annotations

from crm_core.features.merge.actions import CannotMerge, MergedAlready, merge
from crm_core.features.merge.handing import hand_over
from crm_core.features.merge.models import Merge, Move
from crm_core.features.merge.schemas import MergeIn, MergeOut
from crm_core.features.merge.undo import InTheWay, Taken, look, merges_of, undo
from crm_core.features.merge.values import told

__all__ = [
    "CannotMerge", "InTheWay", "Merge", "MergeIn", "MergeOut", "MergedAlready", "Move", "Taken", "hand_over", "look",
    "merge", "merges_of", "told", "undo",
]  # fmt: skip
