"""Small parts that every floor uses: argument checks, files, lazy imports."""
