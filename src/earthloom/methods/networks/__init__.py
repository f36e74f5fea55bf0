"""Bases of the networks: sizes, weights, tiles."""
