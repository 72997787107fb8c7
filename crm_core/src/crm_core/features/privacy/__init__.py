"""Giving people what is known about them, and erasing it."""
