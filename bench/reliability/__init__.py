"""What happens when things go wrong: kills, faults, broken files, and how far it reaches."""
