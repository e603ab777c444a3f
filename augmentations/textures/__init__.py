"""Methods that blend images with textures or with random distortions of themselves, and the textures."""
