"""marrow."""
