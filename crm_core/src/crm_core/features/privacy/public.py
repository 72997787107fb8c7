"""What others use of privacy: a restore erases again who was erased since its backup was made."""

from __future__ import annotations

from crm_core.features.privacy.again import note_receipts, reapply

__all__ = ["note_receipts", "reapply"]
