"""Notebook 04: students, and the sweep over mixes."""
