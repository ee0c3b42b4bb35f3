"""Notebook 01: examples that a teacher writes."""
