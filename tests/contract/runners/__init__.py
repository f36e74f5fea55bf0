"""The same bytes whoever did the work."""
