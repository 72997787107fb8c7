"""Single records opened to others, and why somebody may see a record."""
