"""One step by one way, in a fresh process of its own that imports nothing of the other ways."""
