"""Every operation and its derivative, each written once."""
