"""Event sinks: events leave the system in order"""
