"""Lesions against phantom truth: thirty people, with the true marrow and with a mask drawn too wide.

``python benchmarks/lesion_panel.py CACHE [--people 0,3] [--workers N]`` prints, for each person and mask, the Dice of
what was found with the planted lesions, the volume found outside them and in components that touch none, and what was
dropped as something else. Series of 1.5 and 3 T alternate; STIR lies half a millimetre off. The wide mask closes gaps
of 6 mm, fills holes and takes a pixel more, so that joint space, foramina and cortex are in it as in masks of experts.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from over_people import for_people
from panel_people import PEOPLE, Rendered, rendered
from scipy import ndimage

from marrowsignal.alignment import AlignedPair
from marrowsignal.alignment.body import body_mask
from marrowsignal.geometry import AcquisitionFacts, LabelVolume, SignalVolume
from marrowsignal.intensity import correct_bias, find_references
from marrowsignal.marrow import segment_marrow
from marrowsignal.marrow.hint import bone_hint
from marrowsignal.phantom.acquisition import SeriesPhysics, acquire
from marrowsignal.phantom.options import usual_series
from marrowsignal.protocol import Protocol, load_protocol
from marrowsignal.regions import label_regions
from marrowsignal.signals.lesions.excess import marrow_excess
from marrowsignal.signals.lesions.find import FoundLesions, find_lesions
from marrowsignal.signals.lesions.scene import LesionScene

__all__ = ["Outcome", "found_in", "prepared", "wide"]

_FIELDS_T = (1.5, 3.0)
_OFF_MM = 0.5
_CLOSING_MM = 3.0
_TOUCH = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One person with one mask: Dice (None without a planted lesion), volumes in mL, kinds that were dropped."""

    person: int
    pattern: str
    mask: str
    dice: float | None
    true_ml: float
    outside_ml: float
    astray_ml: float
    dropped: str


def prepared(of: Rendered, protocol: Protocol) -> AlignedPair:
    """Scan a person on the T1 grid with coil shading and noise, and correct the shading."""
    rng = np.random.default_rng([77, of.person.number])
    series = usual_series(_FIELDS_T[of.person.number % len(_FIELDS_T)])
    t1, stir = (acquire(of.t1_species, of.t1_geometry, series=s, rng=rng).signal for s in series)
    off = rng.normal(0.0, _OFF_MM, 2) / of.t1_geometry.spacing_mm[1:]
    stir = ndimage.shift(stir, (0.0, *off), order=1, mode="nearest").astype(np.float32)
    volumes = [
        SignalVolume(array=image, geometry=of.t1_geometry, acquisition=_facts(s, of.person.age_years))
        for image, s in zip((t1, stir), series, strict=True)
    ]
    pair = AlignedPair(
        t1=volumes[0],
        stir=volumes[1],
        covered_mask=np.ones(t1.shape, bool),
        body_mask=body_mask(t1, spacing_mm=of.t1_geometry.spacing_mm),
        t1_to_stir_lps=np.eye(4),
        quality=None,
    )
    return correct_bias(pair, settings=protocol.bias)


def _facts(series: SeriesPhysics, age: float) -> AcquisitionFacts:
    sequence = series.sequence
    return AcquisitionFacts(
        repetition_time_ms=sequence.repetition_time_ms,
        echo_time_ms=sequence.echo_time_ms,
        inversion_time_ms=sequence.inversion_time_ms,
        magnetic_field_strength_t=sequence.magnetic_field_strength_t,
        patient_age_y=age,
    )


def wide(marrow: LabelVolume) -> LabelVolume:
    """Draw the mask too wide: gaps closed, holes filled, a pixel more; new voxels get the nearest label."""
    spacing = marrow.geometry.spacing_mm
    reach = int(np.ceil(_CLOSING_MM / spacing[1]))
    down, across = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disk = (down**2 + across**2) * spacing[1] ** 2 <= _CLOSING_MM**2
    drawn = np.stack([_drawn(np.pad(plane, 2 * reach), disk) for plane in marrow.mask])
    drawn = drawn[:, 2 * reach : -2 * reach, 2 * reach : -2 * reach]
    nearest = ndimage.distance_transform_edt(
        ~marrow.mask, sampling=spacing, return_distances=False, return_indices=True
    )
    return replace(marrow, array=np.where(drawn, marrow.array[tuple(nearest)], 0).astype(np.uint16))


def _drawn(plane: NDArray[np.bool_], disk: NDArray[np.bool_]) -> NDArray[np.bool_]:
    closed = ndimage.binary_dilation(ndimage.binary_closing(plane, disk))
    return np.asarray(ndimage.binary_fill_holes(closed))


def found_in(pair: AlignedPair, marrow: LabelVolume, protocol: Protocol) -> FoundLesions:
    """Find lesions with a marrow mask taken as it is."""
    mask = segment_marrow(pair, protocol=protocol, supplied=marrow)
    regions = label_regions(pair, mask, protocol=protocol, hint=bone_hint(pair, mask, protocol=protocol))
    references = find_references(pair, mask.labels, mask.core_mask, protocol=protocol)
    where = mask.labels.mask & pair.measurable_mask
    excess = marrow_excess(pair, where, protocol)
    if excess is None:
        raise RuntimeError("a person was scanned without STIR")
    scene = LesionScene(
        pair=pair, marrow=where, regions=regions, references=references, excess=excess, protocol=protocol
    )
    return find_lesions(scene)


def _outcome(of: Rendered, name: str, marrow: LabelVolume, found: FoundLesions) -> Outcome:
    truth, labels = of.lesions.mask & marrow.mask, found.labels
    voxel_ml = marrow.geometry.voxel_ml
    sizes = np.bincount(labels.ravel())
    touched = np.bincount(labels[truth], minlength=sizes.size)
    astray = sizes[1:][touched[1:] < _TOUCH * sizes[1:]].sum()
    both = int(((labels > 0) & truth).sum())
    kinds = Counter(one.kind for one in found.dropped)
    return Outcome(
        person=of.person.number,
        pattern=of.person.pattern,
        mask=name,
        dice=2 * both / int(truth.sum() + sizes[1:].sum()) if truth.any() else None,
        true_ml=float(truth.sum()) * voxel_ml,
        outside_ml=float(((labels > 0) & ~truth).sum()) * voxel_ml,
        astray_ml=float(astray) * voxel_ml,
        dropped=", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())),
    )


def _of_person(number: int, cache: Path) -> Iterable[Outcome]:
    of = rendered(PEOPLE[number], cache)
    protocol = load_protocol(of.protocol)
    pair = prepared(of, protocol)
    for name, marrow in (("true", of.marrow), ("wide", wide(of.marrow))):
        yield _outcome(of, name, marrow, found_in(pair, marrow, protocol))


def main() -> int:
    """Run people through both masks and print the table."""
    outcomes = for_people(_of_person, about=__doc__)
    lines = [
        f"{'person':>6} {'pattern':26} {'mask':5} {'Dice':>6} {'true':>7} {'outside':>8} {'astray':>7} mL  dropped"
    ]
    for o in outcomes:
        dice = f"{o.dice:6.3f}" if o.dice is not None else f"{'-':>6}"
        volumes = f"{o.true_ml:7.2f} {o.outside_ml:8.2f} {o.astray_ml:7.2f}"
        lines.append(f"{o.person:6d} {o.pattern:26} {o.mask:5} {dice} {volumes}     {o.dropped}")
    for name in ("true", "wide"):
        of_mask = [o for o in outcomes if o.mask == name]
        dices = [o.dice for o in of_mask if o.dice is not None]
        astray = [o.astray_ml for o in of_mask]
        mean = f"{np.mean(dices):.3f}" if dices else "-"
        lines.append(f"{name} mask: mean Dice {mean}; astray mL mean {np.mean(astray):.2f}, worst {max(astray):.2f}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
