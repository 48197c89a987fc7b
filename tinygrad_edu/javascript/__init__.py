"""The engine in a page: the operation table and compiled programs as JavaScript.

The files ``*.js`` in this folder are plain scripts without imports: `library` joins them. A page puts them into its
one script element, and a saved module contains those that it needs.
"""

from tinygrad_edu.javascript.library import library
from tinygrad_edu.javascript.rows import row_source, rows_source

__all__ = ["library", "row_source", "rows_source"]
