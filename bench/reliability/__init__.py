"""What happens when things go wrong, and when a job outgrows one machine."""
