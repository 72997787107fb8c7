"""Jobs and routes that are killed at a named step, for tests"""
