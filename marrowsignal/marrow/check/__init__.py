"""What tells a marrow mask that does not hold, and how good it probably is."""

from marrowsignal.marrow.check.verdict import check_mask

__all__ = ["check_mask"]
