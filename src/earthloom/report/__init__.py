"""What figures look like: tables and quicklooks."""
