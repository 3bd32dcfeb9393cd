"""Print the same measures of the phantom and of real sacroiliac studies side by side.

Usage: ``MARROWSIGNAL_REAL_DATA=/path/to/data python benchmarks/phantom_against_real.py``. Without that variable
only the phantom is measured. Signal ratios are of bias-corrected medians; noise is what a 2-pixel Gaussian does
not explain, over the tissue's own level (true noise is about 1.1 times that, anatomical texture comes on top).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import marrowsignal as ms
from marrowsignal.geometry import LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.geometry.label_files import read_label_volume
from marrowsignal.phantom import simulate_study

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_READERS = ("R11", "R12", "R21", "R22")
_AGREE = 2
_PROTOCOL = "pelvis_sij"
_PHANTOMS = (("focal_edema", 12), ("focal_edema", 21), ("bilateral_edema", 3), ("normal", 5))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """A study with what is known of its marrow.

    Attributes
    ----------
    t1, stir : SignalVolume
        The two series.
    marrow : LabelVolume
        All marrow.
    normal_mask, lesion_mask : ndarray of bool or None
        Normal marrow, and edema; None where nobody has drawn it.
    """

    t1: SignalVolume
    stir: SignalVolume
    marrow: LabelVolume
    normal_mask: Mask
    lesion_mask: Mask | None


def measures(sample: Sample) -> dict[str, float]:
    """Contrast, noise and shading of one study, by the tool's own steps."""
    rules = ms.load_protocol(_PROTOCOL)
    pair = ms.align_pair(
        sample.t1,
        sample.stir,
        same_frame_of_reference=True,
        settings=rules.alignment,
        focus=sample.marrow,
        shading=rules.bias,
    )
    even = ms.correct_bias(pair, settings=rules.bias)
    marrow = ms.segment_marrow(even, protocol=rules, supplied=sample.marrow)
    found = ms.find_references(even, marrow.labels, marrow.core_mask, protocol=rules)
    tissue = found.labels.array
    masks = {
        "muscle": tissue == 1,
        "fat": tissue == 2,
        "normal marrow": sample.normal_mask,
        "lesion": sample.lesion_mask,
    }
    result: dict[str, float] = {}
    for name, raw, corrected in (("T1", pair.t1, even.t1), ("STIR", pair.stir, even.stir)):
        images = raw.array.astype(float), corrected.array.astype(float)
        for key, value in _contrast(images[1], masks).items():
            result[f"{name} {key}"] = value
        for key, value in _noise(images[0], images[1], masks, pair.body_mask).items():
            result[f"{name} {key}"] = value
    return result


def _contrast(image: Array, masks: Mapping[str, Mask | None]) -> dict[str, float]:
    muscle = np.median(image[_known(masks["muscle"])])
    return {
        f"{key} / muscle": float(np.median(image[mask]) / muscle)
        for key, mask in masks.items()
        if key != "muscle" and mask is not None and mask.any()
    }


def _noise(raw: Array, corrected: Array, masks: Mapping[str, Mask | None], body: Mask) -> dict[str, float]:
    muscle, fat = _known(masks["muscle"]), _known(masks["fat"])
    level = float(np.median(raw[muscle]))
    fine = raw - ndimage.gaussian_filter(raw, [0.0, 2.0, 2.0])
    inner = ndimage.binary_erosion(muscle, np.ones((1, 5, 5)))
    air = ~ndimage.binary_dilation(body, iterations=8)
    shading = raw[body] / np.maximum(corrected[body], 1e-6)
    low, high = np.percentile(shading / np.median(shading), [5.0, 95.0])
    found = {
        "CV of muscle": float(np.std(corrected[muscle]) / np.mean(corrected[muscle])),
        "noise of muscle / muscle": _sd(fine[inner]) / level,
        "noise of fat / fat": _sd(fine[fat]) / float(np.median(raw[fat])),
        "neighbours alike, down": _alike(fine, inner, 1),
        "neighbours alike, across": _alike(fine, inner, 2),
        "shading, 5th percentile": float(low),
        "shading, 95th percentile": float(high),
    }
    if air.sum() > 1000:
        found["air / muscle"] = float(raw[air].mean() / level)
        found["SD of air / muscle"] = float(raw[air].std() / level)
    return found


def _known(mask: Mask | None) -> Mask:
    if mask is None:
        raise ValueError("muscle and fat are always there")
    return mask


def _sd(values: Array) -> float:
    return 1.4826 * float(np.median(np.abs(values)))


def _alike(fine: Array, mask: Mask, axis: int) -> float:
    both = mask & np.roll(mask, 1, axis)
    return float(np.mean(fine[both] * np.roll(fine, 1, axis)[both]) / np.mean(fine[both] ** 2))


def real_samples(root: Path) -> Iterator[tuple[str, Sample]]:
    """Studies below ``sij`` that have both series and a normal-marrow mask."""
    for folder in sorted((root / "sij").iterdir()):
        masks = folder / "masks"
        if not (masks / "normal_marrow.nii.gz").exists():
            continue
        series = ms.select_pair(ms.find_series(folder / "dicom"))
        t1, stir = ms.read_volume(series.t1), ms.read_volume(series.stir)

        def mask(name: str, path: Path = masks, grid: VolumeGeometry = t1.geometry) -> NDArray[np.uint16]:
            return read_label_volume(path / f"{name}.nii.gz", grid).array

        reads = [mask(f"edema_{r}") > 0 for r in _READERS if (masks / f"edema_{r}.nii.gz").exists()]
        yield (
            folder.name,
            Sample(
                t1=t1,
                stir=stir,
                marrow=read_label_volume(masks / "marrow.nii.gz", t1.geometry),
                normal_mask=mask("normal_marrow") > 0,
                lesion_mask=np.sum(reads, axis=0) >= _AGREE if reads else None,
            ),
        )


def phantom_samples() -> Iterator[tuple[str, Sample]]:
    """Phantoms as they are shipped; normal marrow is what no finding touches."""
    for name, seed in _PHANTOMS:
        study = simulate_study(name, seed=seed)
        maps = study.truth.maps
        lesion = ndimage.binary_erosion(maps.lesion.mask, np.ones((1, 3, 3))) & maps.marrow.mask
        far = ~ndimage.binary_dilation(maps.lesion.mask, iterations=4)
        facts = AcquisitionFacts()
        yield (
            f"{name} {seed}",
            Sample(
                t1=SignalVolume(array=study.t1.signal, geometry=study.t1_geometry, acquisition=facts),
                stir=SignalVolume(array=study.stir.signal, geometry=study.stir_geometry, acquisition=facts),
                marrow=maps.marrow,
                normal_mask=maps.marrow.mask & far,
                lesion_mask=lesion,
            ),
        )


def table(sides: Mapping[str, list[dict[str, float]]]) -> str:
    """Median and range of each measure, one column per side."""
    keys = list(dict.fromkeys(key for side in sides.values() for found in side for key in found))
    lines = [f"{'measure':38s}" + "".join(f"{f'{name} (n={len(side)})':>26s}" for name, side in sides.items())]
    for key in keys:
        cells = []
        for side in sides.values():
            values = [found[key] for found in side if key in found]
            text = f"{np.median(values):.3f} ({min(values):.3f}-{max(values):.3f})" if values else "-"
            cells.append(f"{text:>26s}")
        lines.append(f"{key:38s}" + "".join(cells))
    return "\n".join(lines)


def main() -> None:
    """Measure both sides and print the table; the signal of real marrow is that of patients."""
    sides = {"phantom": [measures(sample) for _, sample in phantom_samples()]}
    root = os.environ.get("MARROWSIGNAL_REAL_DATA")
    if root:
        sides["real"] = [measures(sample) for _, sample in real_samples(Path(root))]
    sys.stdout.write(table(sides) + "\n")


if __name__ == "__main__":
    main()
