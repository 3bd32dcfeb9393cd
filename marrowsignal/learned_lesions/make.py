"""From a manifest to an atlas folder that may know lesions too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from marrowsignal.learned_lesions.learn import learn_lesions, require_enough
from marrowsignal.learned_lesions.storage import model_files
from marrowsignal.learned_lesions.studies import prepare_study
from marrowsignal.marrow.atlas import Atlas, build_atlas
from marrowsignal.marrow.atlas.manifest import read_manifest
from marrowsignal.marrow.atlas.storage import check_free
from marrowsignal.marrow.records import MaskKind
from marrowsignal.protocol import Protocol, load_protocol

__all__ = ["build_with_lesions"]


def build_with_lesions(
    manifest: Path,
    folder: Path,
    *,
    kind: MaskKind = MaskKind.MARROW,
    protocol: Protocol | None = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Atlas:
    """Make an atlas of labelled studies and, where rows have lesions, a voxel model of these; write both to a folder.

    Parameters
    ----------
    manifest : Path
        As for `build_atlas`, with a column ``lesions`` beside: label maps of a study's lesions, one a read, separated
        by ``;``. Any value but 0 is lesion, a map of zeros says that a reader found none. A row without makes the
        marrow atlas only. A row with lesions needs a STIR, named in ``stir`` or lying in the folder of ``t1``.
    folder : Path
        Of the atlas; must not exist.
    kind : MaskKind
        Whether marrow labels enclose marrow or whole bones.
    protocol : Protocol, optional
        Settings; by default the generic one.
    tell : callable, optional
        Called with a line of progress now and then.

    Returns
    -------
    Atlas
        As read back from the folder.

    Raises
    ------
    UsageError
        If the manifest cannot be used.
    MaskError
        If a row cannot be used, or fewer than three have lesions; it says which and why.
    OutputError
        If the folder exists or cannot be written.
    """
    check_free(folder)
    rules = protocol or load_protocol("generic")
    rows = [row for row in read_manifest(manifest) if row.lesions]
    beside: dict[str, bytes] = {}
    if rows:
        require_enough(len(rows))
        subjects = []
        for row in rows:
            subjects.append(prepare_study(row, kind=kind, protocol=rules).subject)
            tell(f"{subjects[-1].name}: lesions read")
        model = learn_lesions(subjects, settings=rules.lesion_model, least_ml=rules.lesions.min_volume.value, tell=tell)
        beside = model_files(model)
    return build_atlas(manifest, folder, kind=kind, protocol=rules, tell=tell, beside=beside)
