"""Checkpoints of other authors: read without running any of them, one module for each source."""
