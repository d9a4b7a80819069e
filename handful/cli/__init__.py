"""The command line: one file a verb; it parses, calls ``handful.api`` and prints."""
