"""Comparisons with what is on PyPI: `python -m tests.benchmarks` (needs the extra `bench`)."""
