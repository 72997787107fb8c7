"""System mail: sending, the ledger of what was sent, suppressed addresses."""
