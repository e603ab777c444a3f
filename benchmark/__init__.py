"""Checkpoints, data sources, conditions and the sweep over them."""
