"""What lies on disk: cells, audits and plans, and the files that hold them."""
