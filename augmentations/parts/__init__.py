"""Parts of methods: windows, grids, saliency, operations on tones and geometry."""
