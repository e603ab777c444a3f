"""Stored cells and what is computed from them: metrics, tables, figures and reports."""
