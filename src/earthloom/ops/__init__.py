"""Sensor-free array mathematics: banded operators, mergeable statistics, kernels."""
