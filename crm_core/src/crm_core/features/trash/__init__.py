"""The trash: who deleted what and when, and deleting for good."""
