"""Currencies and dated exchange rates."""
