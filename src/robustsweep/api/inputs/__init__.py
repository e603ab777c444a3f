"""What users hand over: images, data sets and networks in memory, and specs."""
