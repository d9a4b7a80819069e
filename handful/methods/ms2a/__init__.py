"""MS2A: memory storage-to-adaptation, for detection across domains with few annotations."""
