"""Notebook 02: labels that a teacher gives."""
