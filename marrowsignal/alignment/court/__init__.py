"""How far T1 and STIR still are from each other, and what that allows."""

from marrowsignal.alignment.court.judge import Judgement, judge
from marrowsignal.alignment.court.measures import Evidence, Overlay

__all__ = ["Evidence", "Judgement", "Overlay", "judge"]
