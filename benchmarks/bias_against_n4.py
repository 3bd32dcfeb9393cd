"""`shading_fields` and SimpleITK's N4 on the same images, in one run.

``python benchmarks/bias_against_n4.py CACHE NUMBERS`` takes people of ``panel_people.py``, whose shading is known (the
measures are those of ``bias_panel.py``); with ``MARROWSIGNAL_REAL_DATA`` set it goes on to the real sacroiliac studies,
where the asymmetry of marrow outside the readers' lesions and the variation of muscle and fat over sectors are what can
be told.

N4 (Tustison et al., IEEE TMI 2010, doi:10.1109/TMI.2010.2046908): shrink factor 2, four levels of 50 iterations, all
else as it comes, the same body mask, all threads; its field is evaluated on the full grid, as SimpleITK's example does.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from bias_panel import Array, Case, Mask, Pair, cases, line, measured, own_fields, summary
from numpy.typing import NDArray
from panel_people import PEOPLE
from peers.steps.bias import n4_field
from phantom_against_real import Sample, real_samples
from scipy import ndimage

import marrowsignal as ms
from marrowsignal.alignment import AlignedPair
from marrowsignal.alignment.records import BiasModel
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.geometry.itk_bridge import array_to_itk

_SHRINK = (2, 2, 2)
_COILS = ("even", "usual", "strong")
_CLEAR_MM = 3.0
_PROTOCOL = "pelvis_sij"


def own_grid_n4(image: Array, body: Mask, geometry: VolumeGeometry) -> Array:
    """Shading of one image by N4, on the image's own grid."""
    full = array_to_itk(image.astype(np.float32), geometry)
    return n4_field(full, array_to_itk(body.astype(np.uint8), geometry), shrink=_SHRINK)


def n4_fields(case: Case) -> Pair:
    """Both fields of a case by N4."""
    t1, stir = case.images
    return own_grid_n4(t1, case.body, case.geometry), own_grid_n4(stir, case.body, case.geometry)


METHODS: dict[str, Callable[[Case], Pair]] = {"own": own_fields, "n4": n4_fields}


def phantoms(cache: Path, numbers: set[int]) -> None:
    """Print both methods on people whose shading is known."""
    rows: dict[tuple[str, str], list[dict[str, float]]] = {}
    for person in PEOPLE:
        if person.number not in numbers:
            continue
        for case in cases(person, cache, _COILS):
            for name, method in METHODS.items():
                row = measured(case, method)
                rows.setdefault((case.coil, name), []).append(row)
                sys.stdout.write(line(case, name, row) + "\n")
                sys.stdout.flush()
    for (coil, name), found in rows.items():
        sys.stdout.write(f"{coil}, {name}\n{summary(found)}\n")


def real_studies(root: Path) -> None:
    """Print both methods on the real sacroiliac studies."""
    rules = ms.load_protocol(_PROTOCOL)
    rows: dict[str, list[dict[str, float]]] = {}
    for study, sample in real_samples(root):
        pair = ms.align_pair(
            sample.t1,
            sample.stir,
            same_frame_of_reference=True,
            settings=rules.alignment,
            focus=sample.marrow,
            shading=rules.bias,
        )
        for name, correct in _CORRECTIONS.items():
            start = time.perf_counter()
            even = correct(pair)
            row = {"wall s": time.perf_counter() - start} | _told(even, sample)
            rows.setdefault(name, []).append(row)
            cells = " ".join(
                f"{key} {value:.3f}" if "%" not in key else f"{key} {value:.1f}" for key, value in row.items()
            )
            sys.stdout.write(f"{study} {name:4s} {cells}\n")
            sys.stdout.flush()
    for name, found in rows.items():
        sys.stdout.write(f"real, {name}\n{summary(found)}\n")


def _by_n4(pair: AlignedPair) -> AlignedPair:
    if pair.stir is None:
        raise ValueError("a sacroiliac study has both series")
    seen = pair.body_mask & pair.covered_mask
    t1 = own_grid_n4(pair.t1.array, pair.body_mask, pair.t1.geometry)
    stir = own_grid_n4(pair.stir.array, seen, pair.t1.geometry)
    return replace(
        pair,
        t1=replace(pair.t1, array=pair.t1.array / t1),
        stir=replace(pair.stir, array=pair.stir.array / stir),
        bias=BiasModel(t1_field=t1, stir_field=stir),
    )


_CORRECTIONS: dict[str, Callable[[AlignedPair], AlignedPair]] = {
    "raw": lambda pair: pair,
    "own": lambda pair: ms.correct_bias(pair, settings=ms.load_protocol(_PROTOCOL).bias),
    "n4": _by_n4,
}


def _told(pair: AlignedPair, sample: Sample) -> dict[str, float]:
    if pair.stir is None:
        raise ValueError("a sacroiliac study has both series")
    rules = ms.load_protocol(_PROTOCOL)
    marrow = ms.segment_marrow(pair, protocol=rules, supplied=sample.marrow)
    found = ms.find_references(pair, marrow.labels, marrow.core_mask, protocol=rules)
    t1, stir = pair.t1.array, pair.stir.array
    core = marrow.core_mask & _far_from(sample.lesion_mask, pair.t1.geometry)
    row = {}
    for region, mask in (("marrow", core), ("normal ROI", core & sample.normal_mask)):
        left, right = _halves(mask, sample.marrow.mask, pair.t1.geometry)
        for name, image in (("T1", t1), ("STIR", stir), ("STIR/T1", stir / np.maximum(t1, 1.0))):
            a, b = np.median(image[left]), np.median(image[right])
            row[f"{region} {name} AI %"] = float(200.0 * (a - b) / (a + b))
    for tissue in (found.muscle, found.fat):
        for name, value in (
            ("T1", tissue.t1_sector_variation_fraction),
            ("STIR", tissue.stir_sector_variation_fraction),
        ):
            if value is not None:
                row[f"{tissue.key} {name} sector CV"] = value
    if found.muscle.t1 and found.fat.t1:
        row["T1 fat/muscle"] = found.fat.t1 / found.muscle.t1
    return row


def _far_from(lesion: Mask | None, geometry: VolumeGeometry) -> Mask:
    if lesion is None or not lesion.any():
        return np.ones(geometry.shape, bool)
    return np.asarray(ndimage.distance_transform_edt(~lesion, sampling=geometry.spacing_mm) > _CLEAR_MM)


def _halves(mask: Mask, marrow: Mask, geometry: VolumeGeometry) -> tuple[Mask, Mask]:
    """Left and right of the middle of all marrow."""
    x: NDArray[np.float64] = geometry.to_patient(np.stack(np.indices(mask.shape), axis=-1))[..., 0]
    middle = float(np.mean(np.percentile(x[marrow], [1.0, 99.0])))
    return mask & (x > middle), mask & (x < middle)


def main() -> int:
    """Compare on phantoms, then on real studies."""
    if len(sys.argv) != 3:
        sys.stderr.write("usage: python benchmarks/bias_against_n4.py CACHE NUMBER,NUMBER,...\n")
        return 2
    phantoms(Path(sys.argv[1]), {int(n) for n in sys.argv[2].split(",") if n})
    root = os.environ.get("MARROWSIGNAL_REAL_DATA")
    if root:
        real_studies(Path(root))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
