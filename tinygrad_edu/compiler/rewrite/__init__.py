"""Step 2 of `compile`: rewrite the `Program` so that it runs faster."""
