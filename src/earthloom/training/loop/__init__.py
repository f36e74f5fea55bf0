"""The training loop: a batch is a pure function of the seed and its number."""
