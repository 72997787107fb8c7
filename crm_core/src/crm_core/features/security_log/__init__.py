"""The security log: who signed in, what was refused, what changed about access."""
