"""Merging records of one kind, and taking it apart again exactly as it was."""
