"""Methods that make training images of several images, or of parts of one, by one mixing rule."""
