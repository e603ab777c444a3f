"""Figures of methods."""
