"""Find the files below a path, in folders and archives, and have their headers read."""
