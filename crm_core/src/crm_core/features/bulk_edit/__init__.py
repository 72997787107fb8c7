"""One field of many ticked records changed at once, owners and tags among them, and their export."""
