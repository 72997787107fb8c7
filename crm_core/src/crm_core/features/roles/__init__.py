"""Roles: which verbs on which records, and how far they reach."""
