"""Approvals: a request on any record, decided by people in order or side by side."""
