"""Numbers from cells: metrics, scores image by image, references."""
