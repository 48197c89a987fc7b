"""One computation, every way to do it: the ways must agree.

Each ``test_*`` here draws a random case with Hypothesis and computes it in several ways. `python -m pytest` runs a
quick set. `python -m tests.crosscheck --minutes 20` draws new cases until the time is over.
"""
