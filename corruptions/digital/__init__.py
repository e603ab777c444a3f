"""Corruptions of colours, places and compression, and JPEG's parts."""
