"""Detectors as files that run without this package, and the run of such a file in three parts."""
