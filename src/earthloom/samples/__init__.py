"""Small real images that travel with the package."""
