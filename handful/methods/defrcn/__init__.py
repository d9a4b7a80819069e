"""DeFRCN: decoupled Faster R-CNN for few-shot detection (arXiv 2108.09017)."""
