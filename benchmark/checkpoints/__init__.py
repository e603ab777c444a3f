"""Checkpoint specs, cards, and the safe loading of weights."""
