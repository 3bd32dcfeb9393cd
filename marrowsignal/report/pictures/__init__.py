"""Slices as they are shown: orientation, windows, outlines, and which of them a reader needs to see."""
