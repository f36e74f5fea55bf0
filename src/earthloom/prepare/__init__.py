"""From opened images to a scene: one module or folder per problem, none sees another."""
