"""A source and a target image of one place."""
