"""Views on results for people: drawn boxes, contact sheets, short HTML pages."""
