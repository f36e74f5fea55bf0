"""What a user calls, from Python and from the command line."""
