"""Sensor physics: MTF, spectral response, resampling, the forward model and its adjoint."""
