"""What others may import: writing a list to a file."""

from __future__ import annotations

from crm_core.features.exports.files import Wanted, export_csv, export_xlsx

__all__ = ["Wanted", "export_csv", "export_xlsx"]
