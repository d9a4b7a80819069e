"""YOLOX: a one-stage detector without anchor boxes (arXiv 2107.08430)."""
