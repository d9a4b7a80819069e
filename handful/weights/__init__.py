"""Weight files: safetensors with a card, official files fetched and converted."""

from handful.weights.card import Card
from handful.weights.catalogue import CATALOGUE, OfficialFile, find_official
from handful.weights.convert import convert
from handful.weights.fetch import cache_folder, download, fetch
from handful.weights.foreign import read_foreign
from handful.weights.store import load_weights, read_card, save_weights

__all__ = [
    "CATALOGUE",
    "Card",
    "OfficialFile",
    "cache_folder",
    "convert",
    "download",
    "fetch",
    "find_official",
    "load_weights",
    "read_card",
    "read_foreign",
    "save_weights",
]
