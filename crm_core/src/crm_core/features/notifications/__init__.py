"""Notifications: what happened that concerns a person, told once, the way that person chose."""
