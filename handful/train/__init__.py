"""Training: one loop, and what it needs to go on where it stopped."""
