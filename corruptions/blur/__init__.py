"""Corruptions that blur."""
