"""Customer visits."""
