"""Copies of everything stored, in one file each, and the way back from them."""
