"""Pipelines and stages: their administration, and how long records have been in each."""
