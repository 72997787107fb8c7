"""Helpers of the threat and fault rows: every route, every table, records of every kind."""
