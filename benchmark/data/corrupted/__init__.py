"""Corrupted sets in the published layouts, official ones and generated ones."""
