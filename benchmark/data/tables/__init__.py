"""Data sets of Hugging Face: rows of a table that hold an image file and a label."""
