"""Data sets: lazy pictures with a table of boxes, read from and written to files."""
