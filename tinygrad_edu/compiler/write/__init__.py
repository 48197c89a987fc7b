"""Step 3 of `compile`: write the `Program` as Python source that a person can read."""
