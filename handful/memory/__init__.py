"""What a user has shown, kept as class features."""

from handful.memory.class_memory import ClassMemory
from handful.memory.example import example_picture
from handful.memory.fingerprint import model_fingerprint

__all__ = ["ClassMemory", "example_picture", "model_fingerprint"]
