"""What methods are made of: windows, grids, saliency, operations on tones and geometry."""
