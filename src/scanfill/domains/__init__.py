"""One folder a kind of data, with all that it alone needs."""
