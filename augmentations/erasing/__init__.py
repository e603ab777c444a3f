"""Methods that hide part of an image; the label stays."""
