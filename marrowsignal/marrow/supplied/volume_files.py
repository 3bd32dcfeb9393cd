"""Label maps in NIfTI, NRRD and MHA, with the names some of them carry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from marrowsignal.errors import MaskError
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.label_files import read_label_header, read_label_layers, read_labels
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.supplied.nifti_header import position_findings, read_nifti_header
from marrowsignal.marrow.supplied.records import DrawnLabels, NamedLabel

__all__ = ["read_volume_file"]

_STAGE = "segment_marrow"
_SEGMENT = re.compile(r"Segment(\d{1,4})_(Name|LabelValue|Layer|Tags)")
_SLICER_CODE = re.compile(r"SCT\^([0-9]+)\^")
_SLICER_SIDE = re.compile(r"SCT\^(?:7771000|24028007)\^(Left|Right)", re.IGNORECASE)
_CARET_LABEL = re.compile(r'<Label Key="(\d{1,5})"[^<>]{0,200}><!\[CDATA\[([^\]]{0,200})\]\]></Label>')


def read_volume_file(path: Path) -> DrawnLabels:
    """Read a label map that is no DICOM.

    Parameters
    ----------
    path : Path
        NIfTI, with the names TotalSegmentator puts into its header; NRRD, with the segments, names and layers of 3D
        Slicer; MHA.

    Returns
    -------
    DrawnLabels
        On its own grid. Layers become one label map, in which segments are numbered anew where two of them share a
        value; where segments overlap, the later one has the voxel.

    Raises
    ------
    MaskError
        If it is no label map.
    """
    header = read_label_header(path)
    segments = _slicer_segments(header.texts)
    if segments:
        return _layered(path, segments)
    labels = read_labels(path)
    nifti = read_nifti_header(path)
    if nifti is None:
        return DrawnLabels(labels=labels)
    return DrawnLabels(labels=labels, named=_caret_labels(nifti.extension), findings=position_findings(nifti))


def _slicer_segments(texts: Mapping[str, str]) -> tuple[tuple[int, NamedLabel], ...]:
    """Layer and label of each segment of a ``.seg.nrrd``, in their order."""
    fields: dict[int, dict[str, str]] = {}
    for key, text in texts.items():
        match = _SEGMENT.fullmatch(key)
        if match:
            fields.setdefault(int(match[1]), {})[match[2]] = text
    return tuple(
        (
            _whole(field.get("Layer", "0"), 0),
            NamedLabel(
                value=_whole(field.get("LabelValue", ""), number + 1),
                name=field.get("Name", ""),
                codes=_structure_codes(field.get("Tags", "")),
                side=_side(field.get("Tags", "")),
            ),
        )
        for number, field in sorted(fields.items())
    )


def _structure_codes(tags: str) -> tuple[str, ...]:
    """Codes of the type and of the anatomic region in a terminology entry of 3D Slicer."""
    return tuple(match[1] for match in _SLICER_CODE.finditer(_entry(tags)))


def _side(tags: str) -> str:
    sides = {word.lower() for word in _SLICER_SIDE.findall(_entry(tags))}
    return sides.pop() if len(sides) == 1 else ""


def _entry(tags: str) -> str:
    return tags.partition("TerminologyEntry:")[2].partition("|")[0]


def _whole(text: str, other: int) -> int:
    digits = text.strip()
    return int(digits) if digits.isdecimal() and len(digits) <= 5 else other


def _layered(path: Path, segments: tuple[tuple[int, NamedLabel], ...]) -> DrawnLabels:
    layers, geometry = read_label_layers(path)
    if any(layer >= len(layers) for layer, _ in segments):
        raise MaskError(
            "the marrow map names a layer that it does not hold",
            code="mask_unreadable",
            stage=_STAGE,
            hint="save the segmentation anew, or export it as a label map",
        )
    if len(layers) == 1:
        named = tuple(label for _, label in segments)
        return DrawnLabels(labels=LabelVolume(array=layers[0], geometry=geometry), named=named)
    flat = np.zeros(layers.shape[1:], np.uint16)
    shared = 0
    for number, (layer, label) in enumerate(segments, 1):
        inside = layers[layer] == label.value
        shared += int(np.count_nonzero(flat[inside]))
        flat[inside] = number
    named = tuple(replace(label, value=number) for number, (_, label) in enumerate(segments, 1))
    return DrawnLabels(
        labels=LabelVolume(array=flat, geometry=geometry),
        named=named,
        findings=_overlap(shared * geometry.voxel_ml),
    )


def _overlap(shared_ml: float) -> tuple[Finding, ...]:
    if shared_ml <= 0:
        return ()
    text = f"Segments of the marrow map overlap by {shared_ml:.1f} mL; there the later one counts."
    return (Finding(code="segments_overlap", stage=_STAGE, severity=Severity.WARN, message=text),)


def _caret_labels(extension: bytes) -> tuple[NamedLabel, ...]:
    """Names in the XML extension of a NIfTI header, as TotalSegmentator writes it."""
    xml = extension.decode("utf-8", errors="replace")
    names = {int(match[1]): match[2] for match in _CARET_LABEL.finditer(xml)}
    return tuple(NamedLabel(value=value, name=name, by_program=True) for value, name in sorted(names.items()) if value)
