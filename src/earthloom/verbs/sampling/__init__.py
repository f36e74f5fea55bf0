"""The built-in sample: a scene that travels with the package, and the inputs of the demo made of it."""
