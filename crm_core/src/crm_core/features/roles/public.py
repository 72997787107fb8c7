"""What others may import: the grid of rights that every entity has a row in."""

from __future__ import annotations

from crm_core.features.roles.queries import fields_of, grid, row, scopes_of

__all__ = ["fields_of", "grid", "row", "scopes_of"]
