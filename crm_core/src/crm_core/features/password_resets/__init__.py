"""Passwords that were forgotten: a link by mail, single use, short life."""
