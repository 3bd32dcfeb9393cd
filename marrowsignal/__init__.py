"""marrowsignal: T1/STIR bone-marrow signal analysis. Research use only."""

__version__ = "0.1.0"
