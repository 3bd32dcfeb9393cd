"""From a manifest to an atlas folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from marrowsignal.marrow.atlas.build import learn_atlas
from marrowsignal.marrow.atlas.manifest import read_manifest, read_studies
from marrowsignal.marrow.atlas.records import Atlas
from marrowsignal.marrow.atlas.storage import NOTHING_BESIDE, check_free, read_atlas, write_atlas
from marrowsignal.marrow.records import MaskKind
from marrowsignal.protocol import Protocol, load_protocol

__all__ = ["build_atlas"]


def build_atlas(
    manifest: Path,
    folder: Path,
    *,
    kind: MaskKind = MaskKind.MARROW,
    protocol: Protocol | None = None,
    tell: Callable[[str], None] = lambda _line: None,
    beside: Mapping[str, bytes] = NOTHING_BESIDE,
) -> Atlas:
    """Make an atlas of labelled studies and write it to a folder.

    Each subject is segmented by the others first: the trees learn from what the votes left open there, and how well
    that went is kept in the atlas.

    Parameters
    ----------
    manifest : Path
        CSV with the columns ``t1`` (DICOM folder), ``marrow`` (label map) and, if wanted, ``stir`` (DICOM folder) and
        ``labels`` (label table); one row a study, three or more. STIR is used when every row has one. A column
        ``lesions`` is for `build_with_lesions`.
    folder : Path
        Of the atlas; must not exist. It holds images and labels, but no identity, date, UID or path.
    kind : MaskKind
        Whether labels enclose marrow or whole bones.
    protocol : Protocol, optional
        Settings, and the regions by whose names labels are recognised; by default the generic one.
    tell : callable, optional
        Called with a line of progress now and then.
    beside : Mapping of str to bytes, optional
        Further files that the folder keeps for others.

    Returns
    -------
    Atlas
        As read back from the folder.

    Raises
    ------
    UsageError
        If the manifest cannot be used.
    MaskError
        If a row cannot be used; it says which and why.
    OutputError
        If the folder exists or cannot be written.
    """
    check_free(folder)
    rules = protocol or load_protocol("generic")
    rows = read_manifest(manifest)
    studies = read_studies(rows, rules)
    tell(f"{len(rows)} labelled studies read")
    atlas = learn_atlas(
        studies.subjects,
        directions_lps=studies.directions_lps,
        names=studies.names,
        kind=kind,
        settings=rules.atlas,
        tell=tell,
    )
    write_atlas(atlas, folder, beside=beside)
    return read_atlas(folder)
