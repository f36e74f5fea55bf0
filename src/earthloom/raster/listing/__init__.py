"""What folders hold."""
