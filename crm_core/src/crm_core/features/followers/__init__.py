"""Following records: who hears of changes, comments and stages."""
