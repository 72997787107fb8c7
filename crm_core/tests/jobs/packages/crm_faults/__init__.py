"""Jobs that misbehave, for tests"""
