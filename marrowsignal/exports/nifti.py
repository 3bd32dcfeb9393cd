"""Images and label maps for viewers, in patient space, with their label tables."""

from __future__ import annotations

import colorsys
import json
from dataclasses import dataclass
from pathlib import Path

from marrowsignal.geometry.itk_bridge import write_nifti
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.results.study_result import StudyResult

__all__ = ["LabelRow", "write_images"]

_GOLDEN_ANGLE = 0.61803398875  # of the hue circle: neighbours in a label table differ in colour


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """One value of a label map.

    Attributes
    ----------
    index : int
        Value in the image.
    name : str
        Words, with side.
    key : str
        Region without side.
    side : str
        The patient's side.
    code : str
        SNOMED CT code, empty when there is none.
    volume_ml : float or None
        Volume.
    """

    index: int
    name: str
    key: str
    side: str
    code: str = ""
    volume_ml: float | None = None


def write_images(result: StudyResult, folder: Path) -> None:
    """Write ``t1``, ``stir_on_t1``, ``marrow``, ``regions``, ``lesions``, ``fat_signal_index`` as ``.nii.gz``.

    Label maps get a ``.json`` and a BIDS-like ``.tsv`` table beside them. What was not measured has no file: no
    ``stir_on_t1`` without a STIR series, no ``lesions`` where none were looked for, no ``fat_signal_index`` without
    reference tissues.

    Parameters
    ----------
    result : StudyResult
        One analyzed study; T1 and STIR are written bias-corrected, STIR on the T1 grid.
    folder : Path
        An existing folder.
    """
    write_nifti(folder / "t1.nii.gz", result.pair.t1)
    if result.pair.stir is not None:
        write_nifti(folder / "stir_on_t1.nii.gz", result.pair.stir)
    index = result.signals.fat_signal_index
    if index is not None:
        t1 = result.pair.t1
        volume = SignalVolume(array=index, geometry=t1.geometry, acquisition=t1.acquisition)
        write_nifti(folder / "fat_signal_index.nii.gz", volume)
    for name, labels, rows in (
        ("marrow", result.marrow.labels, _marrow_rows(result)),
        ("regions", result.regions.labels, _region_rows(result)),
        ("lesions", result.signals.lesion_labels, _lesion_rows(result)),
    ):
        if labels is None:
            continue
        write_nifti(folder / f"{name}.nii.gz", labels)
        (folder / f"{name}.json").write_bytes(_json(rows).encode("utf-8"))
        (folder / f"{name}.tsv").write_bytes(_tsv(rows).encode("utf-8"))


def _marrow_rows(result: StudyResult) -> tuple[LabelRow, ...]:
    names = result.marrow.labels.names or ((1, "marrow"),)
    return tuple(LabelRow(index=value, name=name, key="marrow", side="none") for value, name in names)


def _region_rows(result: StudyResult) -> tuple[LabelRow, ...]:
    return tuple(
        LabelRow(
            index=region.label,
            name=region.name,
            key=region.key,
            side=region.side.value,
            code=region.code or "",
            volume_ml=region.volume_ml,
        )
        for region in result.regions.regions
    )


def _lesion_rows(result: StudyResult) -> tuple[LabelRow, ...]:
    return tuple(
        LabelRow(
            index=lesion.label,
            name=f"lesion {lesion.label}, {lesion.region_name}",
            key=lesion.region_key,
            side=lesion.side.value,
            volume_ml=lesion.volume_ml,
        )
        for lesion in result.signals.lesions or ()
    )


def _colour(index: int) -> str:
    red, green, blue = colorsys.hsv_to_rgb((index * _GOLDEN_ANGLE) % 1.0, 0.75, 0.95)
    return f"#{round(red * 255):02X}{round(green * 255):02X}{round(blue * 255):02X}"


def _json(rows: tuple[LabelRow, ...]) -> str:
    labels = [
        {
            "index": row.index,
            "name": row.name,
            "key": row.key,
            "side": row.side,
            "code": row.code or None,
            "coding_scheme": "SCT" if row.code else None,
            "volume_ml": row.volume_ml,
            "color": _colour(row.index),
        }
        for row in rows
    ]
    return json.dumps({"background": 0, "labels": labels}, indent=2, ensure_ascii=False) + "\n"


def _tsv(rows: tuple[LabelRow, ...]) -> str:
    lines = ["index\tname\tkey\tside\tcode\tvolume_ml\tcolor"]
    for row in rows:
        volume = "n/a" if row.volume_ml is None else repr(float(row.volume_ml))
        cells = (str(row.index), row.name, row.key, row.side, row.code or "n/a", volume, _colour(row.index))
        lines.append("\t".join(" ".join(cell.split()) for cell in cells))
    return "\n".join(lines) + "\n"
