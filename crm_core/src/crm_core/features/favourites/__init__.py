"""Favourites: records a user wants at hand."""
