"""Modules of networks, the blocks and losses that they share (torch), and how far they look (no torch)."""
