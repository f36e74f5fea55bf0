"""Bandpass alignment: one file is one method."""
