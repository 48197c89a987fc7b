"""The steps of a forward and backward pass as plain data."""
