"""Pansharpening methods, one file each, named by the published acronym."""
