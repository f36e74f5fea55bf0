"""Weights of networks: safetensors with a header that says what they are for. Those beside this file are shipped."""
