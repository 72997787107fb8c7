"""What others may import: reading tables from files, and importing their rows into an entity."""

from __future__ import annotations

from crm_core.features.imports.columns import Cells, UnknownTarget, guess, left_out, targets
from crm_core.features.imports.plan import MODES, Plan, Problem, Report
from crm_core.features.imports.run import preview, run_import
from crm_core.features.imports.sheets import Sheet, SheetError, open_sheet

__all__ = [
    "MODES",
    "Cells",
    "Plan",
    "Problem",
    "Report",
    "Sheet",
    "SheetError",
    "UnknownTarget",
    "guess",
    "left_out",
    "open_sheet",
    "preview",
    "run_import",
    "targets",
]
