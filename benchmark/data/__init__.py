"""Data specs and the sources of clean and corrupted images."""
