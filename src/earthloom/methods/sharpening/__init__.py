"""Sharpening by several bands: one file is one method."""
