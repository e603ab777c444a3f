"""Networks for small images, with the parameter names that existing checkpoints have."""
