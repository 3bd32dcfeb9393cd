"""Labels from a file of the user's."""

from marrowsignal.marrow.supplied.read import read_supplied_marrow

__all__ = ["read_supplied_marrow"]
