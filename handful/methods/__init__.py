"""Detection systems, one folder each."""
