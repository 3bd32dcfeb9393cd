"""Where the bones of one person stand to each other: what the builders of single bones share."""

from __future__ import annotations

import numpy as np

from marrowsignal.phantom.solids import Frame, Vector
from marrowsignal.phantom.subject import Subject

__all__ = ["hip_centre_mm", "sacral_frame", "sacral_tilt_deg"]


def sacral_tilt_deg(subject: Subject) -> float:
    """Angle of the sacrum's long axis to the body axis."""
    return subject.normal("sacral_tilt_deg", 42.0, 3.5)


def sacral_frame(subject: Subject) -> Frame:
    """Sacral coordinates (u, v, w): to the left, down along the sacrum, to the back and square to it.

    The origin is the middle of S2, which is also the origin of the standard trunk. The S1 endplate's centre
    lies at u 0, v -36, w -8.
    """
    tilt = np.deg2rad(sacral_tilt_deg(subject))
    sine, cosine = float(np.sin(tilt)), float(np.cos(tilt))
    return Frame(origin_mm=(0.0, 0.0, 0.0), axes=((1.0, 0.0, 0.0), (0.0, sine, -cosine), (0.0, cosine, sine)))


def hip_centre_mm(subject: Subject) -> Vector:
    """Centre of the left hip joint in the standard trunk; the right one is its mirror image."""
    wide = 3.0 if subject.sex == "F" else 0.0
    return (
        84.0 + wide + subject.normal("hip_width_mm", 0.0, 2.0),
        -52.0 + subject.normal("hip_forward_mm", 0.0, 2.0),
        -80.0 + subject.normal("hip_height_mm", 0.0, 2.5),
    )
