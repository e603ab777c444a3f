"""Computes the cells of a sweep in several processes."""
