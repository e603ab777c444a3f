"""Plans of sweeps: sources of images, conditions, suites and cells."""
