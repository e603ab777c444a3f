"""Networks by name, from wherever they come, and their normalisation."""
