"""MPSR: multi-scale positive sample refinement for few-shot detection."""
