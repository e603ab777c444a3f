"""What a sweep is asked for: sources of images, conditions, suites and the cells of a plan."""
