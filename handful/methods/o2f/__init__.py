"""O2F: a one-stage detector that needs no suppression of doubles (arXiv 2303.11567)."""
