"""Customer visits: a small plugin that uses every hook once, as a pattern to copy and for the kernel's own tests."""
