"""Files: the only place that knows them. Read, collocate, write."""
