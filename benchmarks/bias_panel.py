"""Shading left by `shading_fields` on thirty phantom people whose shading is known.

``python benchmarks/bias_panel.py CACHE [NUMBERS]``, with the people of ``panel_people.py``. Coils: *even* (no shading:
what the step takes for it), *usual* (5th to 95th percentile 0.8-1.25 on T1, 0.75-1.3 on STIR), *strong* (0.7-1.35, in
each series on its own), *flare* (coils under the back, a factor of e in 13 cm and less, not normalized). Against the
image of the same person without shading:

- ``sd body``, ``sd tissue``: SD of log(field found / true field) in the body, and in marrow, muscle and fat;
- ``AI``: left-right asymmetry (SCIENCE D20, percent) of the medians of uninvolved marrow, less that of the even image;
- ``marrow/muscle``: relative error of the ratio of the medians of uninvolved marrow and of muscle.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from panel_people import PEOPLE, Person, Rendered, rendered
from scipy import ndimage

import marrowsignal as ms
from marrowsignal.alignment.body import body_mask
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.acquisition import Coil, SeriesPhysics
from marrowsignal.phantom.acquisition.acquire import acquire
from marrowsignal.phantom.options import usual_series
from marrowsignal.phantom.tissues import Species
from marrowsignal.shading import shading_fields

__all__ = ["COILS", "Case", "Pair", "cases", "measured", "own_fields", "summary"]

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Pair = tuple[Array, Array]
Fields = Callable[["Case"], Pair]

_SERIES = ("T1", "STIR")
_CORE_MM = 2.0
_SEED = 2028


def _strong(coil: Coil) -> Coil:
    return replace(coil, bias_p5=0.7, bias_p95=1.35, back_share=0.3)


COILS: Mapping[str, Callable[[Coil], Coil]] = {
    "even": lambda coil: replace(coil, bias_p5=1.0, bias_p95=1.0),
    "usual": lambda coil: coil,
    "strong": _strong,
    "flare": lambda coil: replace(coil, bias_p5=0.9, bias_p95=1.1, back_share=0.0, normalized=False),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One person with one coil, and what is true of him.

    Attributes
    ----------
    person : Person
        Who.
    coil : str
        Key of `COILS`.
    protocol : str
        Of the anatomy.
    geometry : VolumeGeometry
        Of both series.
    images, even, shading : tuple of ndarray of float32, shape (slice, row, column)
        T1 and STIR: acquired, acquired without shading, and the true shading.
    body, marrow, muscle, fat : ndarray of bool, same shape
        Body as found on the T1; the core of uninvolved marrow, muscle and fat as they are.
    """

    person: Person
    coil: str
    protocol: str
    geometry: VolumeGeometry
    images: Pair
    even: Pair
    shading: Pair
    body: Mask
    marrow: Mask
    muscle: Mask
    fat: Mask


def cases(person: Person, cache: Path, coils: tuple[str, ...]) -> Iterator[Case]:
    """One person with one coil after the other."""
    scene = rendered(person, cache)
    usual = usual_series(1.5)
    even = [_acquired(scene, s, "even", index)[0] for index, s in enumerate(usual)]
    spacing = scene.t1_geometry.spacing_mm
    inner = [ndimage.distance_transform_edt(plane, sampling=spacing[1:]) for plane in scene.marrow.mask]
    for coil in coils:
        made = [_acquired(scene, s, coil, index) for index, s in enumerate(usual)]
        yield Case(
            person=person,
            coil=coil,
            protocol=scene.protocol,
            geometry=scene.t1_geometry,
            images=(made[0][0], made[1][0]),
            even=(even[0], even[1]),
            shading=(made[0][1], made[1][1]),
            body=body_mask(made[0][0], spacing_mm=spacing),
            marrow=(np.stack(inner) > _CORE_MM) & ~scene.lesions.mask,
            muscle=scene.t1_species[Species.MUSCLE] >= 0.7,
            fat=(scene.t1_species[Species.FAT] >= 0.9) & ~scene.marrow.mask,
        )


def _acquired(scene: Rendered, series: SeriesPhysics, coil: str, index: int) -> Pair:
    rng = np.random.default_rng([_SEED, scene.person.number, list(COILS).index(coil), index])
    physics = replace(series, coil=COILS[coil](series.coil))
    image = acquire(scene.t1_species, scene.t1_geometry, series=physics, rng=rng)
    return image.signal, image.bias


def own_fields(case: Case) -> Pair:
    """Find the fields as `correct_bias` does."""
    t1, stir = shading_fields(
        case.images,
        (case.body, case.body),
        case.body,
        spacing_mm=case.geometry.spacing_mm,
        settings=ms.load_protocol(case.protocol).bias,
    )
    return t1, stir


def measured(case: Case, fields: Fields) -> dict[str, float]:
    """Find the fields and compare them with the truth; times are of this process, both series together."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = fields(case)
    row = {"wall s": time.perf_counter() - wall, "cpu s": time.process_time() - cpu}
    tissue = case.marrow | case.muscle | case.fat
    left, right = _sides(case)
    corrected = [image / field for image, field in zip(case.images, found, strict=True)]
    for index, series in enumerate(_SERIES):
        for name, mask in (("body", case.body), ("tissue", tissue)):
            off = np.log(found[index][mask].astype(float)) - np.log(case.shading[index][mask].astype(float))
            row[f"{series} sd {name}"] = float(off.std())
        now, true = (_ratio(image, case) for image in (corrected[index], case.even[index]))
        row[f"{series} marrow/muscle %"] = 100.0 * (now / true - 1.0)
        if left.any() and right.any():
            row[f"{series} AI %"] = _asymmetry(corrected[index], left, right) - _asymmetry(
                case.even[index], left, right
            )
    if left.any() and right.any():
        quotients = [np.divide(b, a, out=np.zeros_like(b), where=a > 0) for a, b in (corrected, case.even)]
        row["STIR/T1 AI %"] = _asymmetry(quotients[0], left, right) - _asymmetry(quotients[1], left, right)
    return row


def _sides(case: Case) -> tuple[Mask, Mask]:
    """Uninvolved marrow left and right of the midline; a knee has none."""
    if case.protocol == "knee":
        nothing = np.zeros_like(case.marrow)
        return nothing, nothing
    x = case.geometry.to_patient(np.stack(np.indices(case.marrow.shape), axis=-1))[..., 0]
    return case.marrow & (x > 0.0), case.marrow & (x < 0.0)


def _asymmetry(image: Array, left: Mask, right: Mask) -> float:
    a, b = float(np.median(image[left])), float(np.median(image[right]))
    return 200.0 * (a - b) / (a + b)


def _ratio(image: Array, case: Case) -> float:
    return float(np.median(image[case.marrow]) / np.median(image[case.muscle]))


def summary(rows: list[dict[str, float]]) -> str:
    """Mean and largest size of every measure."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    lines = []
    for key in keys:
        sizes = np.abs([row[key] for row in rows if key in row])
        told = f"mean {sizes.mean():7.3f}  median {np.median(sizes):7.3f}  max {sizes.max():7.3f}  n {len(sizes)}"
        lines.append(f"  {key:22s} {told}")
    return "\n".join(lines)


def line(case: Case, name: str, row: Mapping[str, float]) -> str:
    """One case in one line."""
    cells = " ".join(
        f"{key.replace(' %', '')} {value:.3f}" if "sd" in key else f"{key} {value:.1f}" for key, value in row.items()
    )
    return f"{case.person.number:2d} {case.person.pattern:24s} {case.coil:6s} {name:4s} {cells}"


def main() -> int:
    """Measure everybody with every coil."""
    if len(sys.argv) not in (2, 3):
        sys.stderr.write("usage: python benchmarks/bias_panel.py CACHE [NUMBER,NUMBER,...]\n")
        return 2
    wanted = {int(n) for n in sys.argv[2].split(",")} if len(sys.argv) == 3 else set(range(len(PEOPLE)))
    rows: dict[str, list[dict[str, float]]] = {coil: [] for coil in COILS}
    for person in PEOPLE:
        if person.number not in wanted:
            continue
        for case in cases(person, Path(sys.argv[1]), tuple(COILS)):
            row = measured(case, own_fields)
            rows[case.coil].append(row)
            sys.stdout.write(line(case, "own", row) + "\n")
            sys.stdout.flush()
    for coil, found in rows.items():
        sys.stdout.write(f"{coil}\n{summary(found)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
