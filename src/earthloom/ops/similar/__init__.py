"""Similar pixels of a window: found, pooled, regressed on."""
