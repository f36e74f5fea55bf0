"""How good a product is."""
