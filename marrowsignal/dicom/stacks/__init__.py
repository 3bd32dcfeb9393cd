"""Sort the slices of a series into stacks with a grid in patient space."""
