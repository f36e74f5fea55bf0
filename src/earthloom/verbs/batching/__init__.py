"""What a batch is made of: rows out of tables, what became of each, and who makes them."""
