"""Background jobs: the row is the truth, whoever carries the message."""
