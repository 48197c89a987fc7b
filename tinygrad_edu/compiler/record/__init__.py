"""Step 1 of `compile`: run the function once and record a `Program`."""
