"""From pictures and shown examples to detections."""
