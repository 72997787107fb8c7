"""Webhooks: events sent to addresses outside"""
