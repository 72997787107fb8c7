"""The organisation: its name, address, language and time zone."""
