"""Networks as others released them, one module for each source."""
