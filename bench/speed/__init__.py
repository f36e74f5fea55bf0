"""Earthloom beside programs that do the same, in one run."""
