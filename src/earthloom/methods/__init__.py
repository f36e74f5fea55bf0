"""Fusion methods: one file is one method, and the folder is the registry."""
