"""Methods of hyperspectral super-resolution."""
