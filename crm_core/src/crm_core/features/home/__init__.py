"""The page after signing in."""
