"""The recorded graph: nodes, their order, modes, and the backward pass."""
