"""Drawings for notebooks and slides: a product beside what it was made of, whole and near; and our other objects."""
