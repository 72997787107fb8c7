"""Contacts: people, with several e-mail addresses and phone numbers."""
