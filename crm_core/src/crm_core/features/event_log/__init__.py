"""The event log for administrators"""
