"""The Python API: one concept per module; ``robustsweep`` offers the names."""
