"""One file is one format."""
