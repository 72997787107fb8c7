"""Background jobs"""
