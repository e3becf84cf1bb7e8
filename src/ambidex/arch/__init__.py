"""Architectures: each written once, as a function that adds nodes to a graph."""
