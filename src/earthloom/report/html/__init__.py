"""Pages of figures: what they are made of, how they are drawn and written."""
