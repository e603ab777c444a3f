"""The images that a training sees, stored on the device or read while it goes on."""
