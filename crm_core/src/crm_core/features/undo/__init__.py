"""Undo: what one cause changed is put back, from the values before that its events keep."""
