"""Notebook 03: how varied texts are, and what gives their labels away."""
