"""Demos and labs: `python -m demos` is the tour, `python -m demos NAME` one of them, `NAME.run()` the same from a REPL.

Each demo is a module of this package: its docstring's first line says what it is, and the keyword parameters of its
`run` are its options on the command line. Adding a file adds a demo. Modules whose name begins with an underscore are
what the demos share.
"""
