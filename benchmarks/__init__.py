"""Runnable comparisons, printed as ratios."""
