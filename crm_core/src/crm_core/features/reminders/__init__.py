"""Reminders: one engine that reminds a person of a record at a time, exactly once."""
