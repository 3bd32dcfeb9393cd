"""The marrow of one phantom: its background and the findings in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import UsageError
from marrowsignal.phantom.patterns.background import Background, background_marrow
from marrowsignal.phantom.patterns.findings import Finding, add_finding
from marrowsignal.phantom.scene import Anatomy, Bone, Marrow, MarrowState, Place
from marrowsignal.phantom.solids import Points

__all__ = ["MarrowPattern", "marrow_state"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowPattern:
    """Marrow of a whole body.

    Attributes
    ----------
    background : Background
        Everywhere.
    findings : tuple of Finding
        At landmarks.
    """

    background: Background
    findings: tuple[Finding, ...] = ()


def marrow_state(pattern: MarrowPattern, anatomy: Anatomy) -> MarrowState:
    """Return the function that gives the marrow at points of a bone.

    Parameters
    ----------
    pattern : MarrowPattern
        Background and findings.
    anatomy : Anatomy
        The body: person and landmarks.

    Returns
    -------
    callable
        For `render`.

    Raises
    ------
    UsageError
        If a finding names a landmark that the body does not have.
    """
    marks = {mark.name: mark for mark in anatomy.landmarks}
    named = [name for f in pattern.findings for name in (f.landmark, f.line_across) if name is not None]
    unknown = [name for name in named if name not in marks]
    if unknown:
        raise UsageError(
            f"the {anatomy.body} has no landmark '{unknown[0]}'",
            code="unknown_landmark",
            stage="phantom",
            hint="one of: " + ", ".join(sorted(marks)),
        )

    def state(bone: Bone, p: Points, place: Place, depth_mm: Array) -> Marrow:
        marrow = background_marrow(
            pattern.background, subject=anatomy.subject, bone=bone, p=p, place=place, depth_mm=depth_mm
        )
        for finding in pattern.findings:
            marrow = add_finding(marrow, finding, marks=marks, subject=anatomy.subject, bone=bone, at=(p, place))
        return marrow

    return state
