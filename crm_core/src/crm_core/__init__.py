"""Core: the kernel and the basic CRM."""
