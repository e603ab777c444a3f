"""Data specs: what each names, and how its keys reach what opens it. Importing this registers them."""

from robustsweep.benchmark.data.readers import arrays, hub_data, image_trees, imagenet, official_arrays, official_trees

__all__ = ["arrays", "hub_data", "image_trees", "imagenet", "official_arrays", "official_trees"]
