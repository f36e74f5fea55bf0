"""Fine and coarse images of several dates."""
