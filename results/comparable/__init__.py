"""Measurements that may share a table, and what every table says of them."""
