"""Outlines of the human body: bones, joints and soft tissues as signed distances."""

from __future__ import annotations

from marrowsignal.phantom.anatomy.knee import build_knee
from marrowsignal.phantom.anatomy.trunk import build_trunk
from marrowsignal.phantom.scene import Anatomy
from marrowsignal.phantom.subject import Subject

__all__ = ["BODIES", "build_anatomy"]

BODIES = ("knee", "trunk")


def build_anatomy(body: str, subject: Subject) -> Anatomy:
    """Build a part of a person's body.

    Parameters
    ----------
    body : str
        ``trunk`` (T11 to mid-thigh, origin in the middle of S2) or ``knee`` (origin in the joint space).
    subject : Subject
        The person.

    Returns
    -------
    Anatomy
        Parts in painting order, and landmarks.

    Raises
    ------
    KeyError
        If there is no such part.
    """
    return {"knee": build_knee, "trunk": build_trunk}[body](subject)
