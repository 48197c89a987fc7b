"""Formulas: numbers as text, the tree of a formula, and its notations."""

import viz.formulas.notation  # noqa: F401  (it registers the notations, so that every formula can be written)
