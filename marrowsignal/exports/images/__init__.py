"""Images and label maps in patient space, and what their values mean."""
