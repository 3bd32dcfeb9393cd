"""The ways to a mask that need no file of the user's, by the words of ``--marrow-from``."""

from __future__ import annotations

from pathlib import Path

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.errors import UsageError
from marrowsignal.marrow.records import Segmentation
from marrowsignal.protocol.schema import Protocol

__all__ = ["AUTOMATIC_WAY", "check_way", "find_bones"]

AUTOMATIC_WAY = "automatic"


def check_way(way: str) -> tuple[str, str]:
    """Return the kind of a way and what follows its colon, having looked whether it can be gone.

    Raises
    ------
    UsageError
        If it is none of ``automatic``, ``atlas:FOLDER`` and ``external:NAME``, or the segmenter is not known.
    MaskError
        If the folder is no atlas, or the segmenter is not installed.
    """
    kind, colon, which = way.partition(":")
    if kind == AUTOMATIC_WAY and not colon:
        return kind, which
    if kind == "atlas" and which:
        from marrowsignal.marrow.atlas import read_contents  # noqa: PLC0415 - each way loads libraries of its own

        read_contents(Path(which))
        return kind, which
    if kind == "external" and which:
        from marrowsignal.marrow.external import find_segmenter  # noqa: PLC0415

        find_segmenter(which)
        return kind, which
    raise UsageError(
        "--marrow-from takes automatic, supplied, atlas:FOLDER or external:NAME",
        code="option",
        stage="analyze",
        hint="see marrowsignal analyze --help",
    )


def find_bones(pair: AlignedPair, way: str, *, protocol: Protocol) -> Segmentation:
    """Segment by one of the ways.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    way : str
        ``"automatic"``, ``"atlas:FOLDER"`` or ``"external:NAME"``.
    protocol : Protocol
        Settings.

    Returns
    -------
    Segmentation
        Labels on the T1 grid.

    Raises
    ------
    UsageError
        If the way is unknown.
    MaskError
        If the atlas or the external segmenter cannot be used.
    """
    kind, which = check_way(way)
    if kind == "atlas":
        from marrowsignal.marrow.atlas import read_atlas, segment_with_atlas  # noqa: PLC0415

        return segment_with_atlas(pair, read_atlas(Path(which)))
    if kind == "external":
        from marrowsignal.marrow.external import segment_external  # noqa: PLC0415

        return segment_external(pair, which, protocol=protocol)
    from marrowsignal.marrow.automatic import segment_automatic  # noqa: PLC0415

    return segment_automatic(pair, protocol=protocol)
