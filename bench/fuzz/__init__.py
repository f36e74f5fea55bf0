"""Broken files by the thousand: small valid ones of every reader, spoilt, each read within limits."""
