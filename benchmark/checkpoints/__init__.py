"""Checkpoint specs, cards, and the safe loading of weights."""

from robustsweep.benchmark.checkpoints.card import Card
from robustsweep.benchmark.checkpoints.checkpoint import Checkpoint
from robustsweep.benchmark.checkpoints.native import save_native
from robustsweep.benchmark.checkpoints.specs import resolve, resolve_one

__all__ = ["Card", "Checkpoint", "resolve", "resolve_one", "save_native"]
