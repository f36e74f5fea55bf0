"""A hyperspectral cube."""
