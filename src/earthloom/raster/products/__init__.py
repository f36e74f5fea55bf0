"""What opens the products of agencies: one module a family, loaded when one of its files is met."""
