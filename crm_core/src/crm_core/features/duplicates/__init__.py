"""Possible duplicates: found by address and name when a record is made and by night, merged or remembered as none."""
