"""Who acts: actors, sessions, tokens, passwords, public links."""
