"""Methods that distort images by operations drawn from a list."""
