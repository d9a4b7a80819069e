"""What things cost, measured side by side: the rooms behind ``handful bench``."""
