"""Images laid on one grid, given out by window."""
