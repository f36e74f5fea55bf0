"""A cloudy image with what helps to replace its clouds."""
