"""Files, arrays and JSON from elsewhere, and how far packed ones may grow."""
