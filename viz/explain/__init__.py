"""Explanations: why, audit, explode, quiz."""
