"""Training-time augmentations, one method a file, on one mixing rule."""
