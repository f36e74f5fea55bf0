"""Alignments fitted to pairs."""
