"""NumPy's functions that are compositions of others: they have no derivative of their own.

Each has NumPy's name and meaning, and takes arrays and Tensors alike. `numpy_protocol` lets ``np.hstack(...)`` call it.
"""
