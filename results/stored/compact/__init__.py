"""Compacted checkpoints: one small file in place of a folder per cell."""
