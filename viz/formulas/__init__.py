"""Formulas: numbers as text, the tree of a formula, and its notations."""
