"""What the report of each problem shows of its own: one file is one problem, named as its folder of methods."""
