"""How soon the viewer shows something, and what it takes."""
