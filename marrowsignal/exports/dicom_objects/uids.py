"""UIDs that follow from what was analyzed and how, so that a rerun replaces and never doubles."""

from __future__ import annotations

import functools
import uuid

from marrowsignal.exports.dicom_objects.records import SourceImages
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.records import MarrowSource, labels_sha256
from marrowsignal.results.study_result import StudyResult

__all__ = ["device_uid", "lesion_uid", "object_uid", "tracking_uid", "uid_in_place_of"]

_OF_OTHER_SERIES = frozenset({"sir_raw", "pdff"})
# Any fixed UUID serves: it keeps our names apart from everybody else's (RFC 9562, section 5.5).
_NAMESPACE = uuid.UUID("7f1c7d0e-5a0b-5b53-9f3b-0c5d7a3e4b61")


def object_uid(result: StudyResult, source: SourceImages, *what: str) -> str:
    """Return the UID of a series or an object: the same for the same images, choices, protocol and version.

    Parameters
    ----------
    result : StudyResult
        One analyzed study; neither the case's name nor any date or machine enters.
    source : SourceImages
        Headers of its images; how their files are written does not enter.
    *what : str
        Which series or object, for example ``"series", "marrow"``.

    Returns
    -------
    str
        ``2.25.`` and a UUID as an integer (DICOM PS3.5 B.2).
    """
    made = result.provenance
    choices = (
        made.version,
        made.protocol_sha256,
        made.series_rules_sha256,
        source.identity_sha256,
        made.mask_sha256 or "",
        str(result.marrow.source),
        result.marrow.made_by,
        # What this version did not make itself, its protocol and images do not tell.
        "" if result.marrow.source == MarrowSource.AUTOMATIC else _hash_of(result.marrow.labels),
        result.signals.lesions_made_by,
        *_chemical_shift(result),
    )
    return _uid(*_images(result), *choices, *what)


def tracking_uid(result: StudyResult, *what: str) -> str:
    """Return the UID by which one region is tracked: the same whatever version measured it.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    *what : str
        What is tracked, for example ``"region", "sacrum", "left"``.
    """
    return _uid(*_images(result), *what)


def lesion_uid(result: StudyResult, source: SourceImages, kind: str, label: int) -> str:
    """Return the UID by which one lesion is tracked: within one analysis, since another may number them otherwise.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    source : SourceImages
        Headers of its images.
    kind : str
        ``"lesion"`` or ``"dark"``.
    label : int
        Its number.
    """
    return object_uid(result, source, "tracking", kind, str(label))


def device_uid(version: str) -> str:
    """Return the UID of the program as an observer: the same in every study that one version reports.

    Parameters
    ----------
    version : str
        Of the program.
    """
    return _uid("device", "marrowsignal", version)


def uid_in_place_of(keyword: str, of: str) -> str:
    """Return the UID that stands for one a source does not have.

    Parameters
    ----------
    keyword : str
        What is missing, for example ``"FrameOfReferenceUID"``.
    of : str
        A UID of what has none.
    """
    return _uid(keyword, of)


# One study's objects ask for it a dozen times.
@functools.lru_cache(maxsize=1)
def _hash_of(labels: LabelVolume) -> str:
    # The same voxels under other names are other regions.
    return f"{labels_sha256(labels)} {sorted(labels.names)}"


def _chemical_shift(result: StudyResult) -> list[str]:
    """Name what came from series beside T1 and STIR, whose images are no part of the identity."""
    measured = (result.signals.whole, *result.signals.regions)
    given = {item.name for one in measured for item in one.measurements if item.value is not None}
    return sorted(given & _OF_OTHER_SERIES)


def _images(result: StudyResult) -> tuple[str, ...]:
    stir = result.series.stir
    return (
        result.series.t1.series_instance_uid,
        str(result.series.t1.stack),
        "" if stir is None else stir.series_instance_uid,
        "" if stir is None else str(stir.stack),
    )


def _uid(*parts: str) -> str:
    # Lengths before the parts: ("ab", "c") and ("a", "bc") differ.
    named = "".join(f"{len(part)}:{part}" for part in parts)
    # A lone surrogate, as in a file name of no known encoding, has no UTF-8.
    return f"2.25.{uuid.uuid5(_NAMESPACE, named.encode('utf-8', 'backslashreplace').decode('utf-8')).int}"
