"""Image files, archives and folders of them, read with bounds."""
