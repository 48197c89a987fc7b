"""Step 4 of `compile`: run the `Program`."""
