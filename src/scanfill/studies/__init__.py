"""Studies: compare strategies on the same patients, with valid statistics."""
