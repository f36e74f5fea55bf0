"""What lies beside the pixels."""
