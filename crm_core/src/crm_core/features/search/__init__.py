"""Search over all kinds of records."""
