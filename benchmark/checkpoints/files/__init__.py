"""Files of weights, read without running anything that they hold."""
