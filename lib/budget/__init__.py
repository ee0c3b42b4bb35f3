"""Notebook 05: what to buy with a budget, how methods compare, what the papers claim."""
