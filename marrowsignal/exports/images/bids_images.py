"""Images of a case under the names of BIDS derivatives, each with the sidecar that tells how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from marrowsignal.exports.images.label_tables import label_tables
from marrowsignal.exports.images.nifti import CaseImage, case_images
from marrowsignal.exports.images.nifti_files import write_nifti_files
from marrowsignal.exports.layout import Layout
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.marrow.records import MarrowSource
from marrowsignal.results.study_result import StudyResult

__all__ = ["write_bids_images"]

_SHADING = "corrected for coil shading, in the series' own units"
_WORDS = {
    "t1": f"T1-weighted series, {_SHADING}",
    "stir_on_t1": f"STIR series on the grid of the T1-weighted one, {_SHADING}",
    "fat_signal_index": "T1 fat-signal index of marrow: 0 is lean muscle, 1 subcutaneous fat; an index, not a fat "
    "fraction; not a number outside marrow",
    "marrow": "Marrow",
    "regions": "Regions of marrow, left and right by the patient's side",
    "parts": "Cells that bones are divided into; the name of a cell tells every part it belongs to",
    "lesions": "Lesions: marrow that stands out on STIR from the patient's own",
    "dark_foci": "Foci: marrow that is dark on T1",
}
_COLUMNS = {
    "key": "Region without side",
    "side": "The patient's side: left, right or none",
    "code": "SNOMED CT code of the anatomy",
    "volume_ml": "Volume in millilitres",
}


def write_bids_images(result: StudyResult, folder: Path) -> None:
    """Write the images of `write_images` into the folder of a subject under the names of BIDS.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    folder : Path
        An existing folder of images.
    """
    subject = Layout.BIDS.folder_name(result.case)
    images = case_images(result)
    stems = {image.key: folder / Layout.BIDS.image_name(subject, image.key) for image in images}
    write_nifti_files([(_with(stems[image.key], ".nii.gz"), image.volume) for image in images])
    for image in images:
        sidecar = {"Description": _WORDS[image.key], **_made_from(image, subject), **_facts(image, result)}
        sidecar["Marrowsignal"] = {
            "Version": result.provenance.version,
            "Protocol": result.protocol.name,
            "ProtocolVersion": result.protocol.version,
            "ProtocolSHA256": result.provenance.protocol_sha256,
        }
        _write(_with(stems[image.key], ".json"), json.dumps(sidecar, indent=2, ensure_ascii=False) + "\n")
        for ending, text in label_tables(image.rows) if not isinstance(image.volume, SignalVolume) else ():
            if ending != ".json":
                _write(_with(stems[image.key], ending), text)


def _with(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)


def _write(file: Path, text: str) -> None:
    file.write_bytes(text.encode("utf-8"))


def _made_from(image: CaseImage, subject: str) -> dict[str, object]:
    """Say in whose space an image is, and from which others it was made."""
    if image.key == "t1":
        return {"SpatialReference": "orig"}
    uris = {key: f"bids::{subject}/anat/{Layout.BIDS.image_name(subject, key)}.nii.gz" for key in ("t1", "stir_on_t1")}
    made_from = {"fat_signal_index": ["t1"], "dark_foci": ["t1"], "lesions": ["t1", "stir_on_t1"]}.get(image.key, [])
    sources = [uris[key] for key in made_from]
    return {"SpatialReference": uris["t1"], **({"Sources": sources} if sources else {})}


def _facts(image: CaseImage, result: StudyResult) -> Mapping[str, object]:
    if image.key == "fat_signal_index":
        return {"SkullStripped": False, **_formula(result)}
    if isinstance(image.volume, SignalVolume):
        return {"SkullStripped": False, "Units": "arbitrary", **_acquired(image.volume.acquisition)}
    manual = image.key == "marrow" and result.marrow.source in (MarrowSource.SUPPLIED, MarrowSource.EDITED)
    return {"Manual": manual, **{name: {"Description": words} for name, words in _COLUMNS.items()}}


def _formula(result: StudyResult) -> dict[str, object]:
    """Tell the formula with the numbers it was used with, so that the map can be made again from T1."""
    levels = {"t_U": ("lean muscle", result.references.muscle), "t_F": ("subcutaneous fat", result.references.fat)}
    terms: dict[str, object] = {"T": {"Description": "T1 signal of the voxel, corrected for coil shading"}}
    for term, (tissue, reference) in levels.items():
        terms[term] = {"Description": f"T1 signal of {tissue}", "Value": reference.t1, "Units": "arbitrary"}
    return {
        "Units": "1",
        "Formula": "FSI = (T - t_U) / (t_F - t_U)",
        "FormulaTerms": terms,
        "FormulaSource": "marrowsignal, docs/method.md, section 1.5, descriptor D03",
    }


def _acquired(facts: AcquisitionFacts) -> dict[str, object]:
    """Return what BIDS has fields for, in its units (seconds, tesla); what a header does not say is left out."""
    seconds = {
        "RepetitionTimeExcitation": facts.repetition_time_ms,
        "EchoTime": facts.echo_time_ms,
        "InversionTime": facts.inversion_time_ms,
    }
    told: dict[str, object] = {name: ms / 1000 for name, ms in seconds.items() if ms is not None}
    if facts.magnetic_field_strength_t is not None:
        told["MagneticFieldStrength"] = facts.magnetic_field_strength_t
    if facts.manufacturer:
        told["Manufacturer"] = facts.manufacturer
    return told
