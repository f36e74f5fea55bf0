"""What a network is taught, and by which loss."""
