"""Handing over what a user holds, in one step that can be undone."""
