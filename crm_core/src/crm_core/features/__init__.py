"""The basic CRM as built-in plugins."""
