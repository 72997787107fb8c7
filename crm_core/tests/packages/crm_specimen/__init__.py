"""Specimens."""
