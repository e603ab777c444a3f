"""Inputs of users: images, data sets and networks in memory, and specs."""
