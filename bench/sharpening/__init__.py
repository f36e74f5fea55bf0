"""Sharpening by several bands: accuracy one scale down and against truth, and a whole tile."""
