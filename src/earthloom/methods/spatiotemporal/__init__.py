"""Spatiotemporal fusion: one file is one method."""
