"""Cloud removal: one file is one method."""
