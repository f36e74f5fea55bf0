"""Products written, all or nothing."""
