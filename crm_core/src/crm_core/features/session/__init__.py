"""Signing in and out, the first administrator, and API tokens."""
