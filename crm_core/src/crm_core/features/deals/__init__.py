"""Deals in pipelines of stages, with money and stage history."""
