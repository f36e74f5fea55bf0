"""Weights: found, trained on data sets, adapted to a scene."""
