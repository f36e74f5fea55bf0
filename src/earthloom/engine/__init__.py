"""Running methods on scenes: tiles, threads, registration, evaluation, and the public verbs."""
