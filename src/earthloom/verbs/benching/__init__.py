"""`earthloom.bench`, and what it writes."""
