"""Building blocks and losses that two or more networks use (torch)."""
