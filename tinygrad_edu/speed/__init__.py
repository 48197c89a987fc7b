"""Speed tricks, one per file. Each docstring names the plain version, which gives the same numbers."""
