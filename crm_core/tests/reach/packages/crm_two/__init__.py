"""Two systems that take events, for tests"""
