"""Sweeps: one function called for each setting and seed, in processes or on a cluster, and the table that it gives."""
