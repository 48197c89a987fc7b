"""Drawings of graphs and programs with Graphviz."""
