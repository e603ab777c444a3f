"""Corruptions that look like weather."""
