"""Subcommands of crm, imported when they are called."""
