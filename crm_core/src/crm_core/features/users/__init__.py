"""Users: who signs in, with their teams and roles."""
