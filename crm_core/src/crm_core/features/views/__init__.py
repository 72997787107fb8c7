"""Saved views: filter, columns and sort of a list under a name, for oneself, a team or everyone."""
