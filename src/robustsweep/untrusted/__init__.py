"""What comes from elsewhere: files, arrays, JSON, and how far packed ones may grow."""
