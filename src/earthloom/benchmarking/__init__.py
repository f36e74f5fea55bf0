"""Methods and products of others on a data set, under a protocol that is data: rows, statistics, a manifest."""
