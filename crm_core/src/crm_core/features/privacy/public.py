"""What others use of privacy.

A restore erases again who was erased since its backup was made; the contract test asks for columns that nobody
decided about.
"""

from __future__ import annotations

from crm_core.features.privacy.again import note_receipts, reapply
from crm_core.features.privacy.places import undecided

__all__ = ["note_receipts", "reapply", "undecided"]
