"""Dues of companies."""
