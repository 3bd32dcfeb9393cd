"""Thirty people of the phantom, each with a T1 stack and a STIR stack of its own, rendered once and kept.

``python benchmarks/panel_people.py CACHE`` renders all of them (some 15 minutes on two cores, 4 GB). Every panel
(registration, shading, references, gates) acquires its images from these maps, so that an artifact costs a fraction
of a second and its clean twin differs from it in nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.phantom import draw_subject, tissue_maps
from marrowsignal.phantom.catalogue import load_spec
from marrowsignal.phantom.scene import SliceProfile
from marrowsignal.phantom.views import View, all_views

__all__ = ["PEOPLE", "Person", "Rendered", "rendered"]

_PATTERNS = (
    *(
        "normal",
        "symmetric_reconversion",
        "partial_reconversion",
        "patchy_red_marrow",
        "focal_edema",
        "bilateral_edema",
    ),
    *("edema_on_reconversion", "sacral_stress_fracture", "sacroiliac_sclerosis", "iliac_metastasis"),
    *("diffuse_infiltration", "depleted_marrow", "normal", "focal_edema", "bilateral_edema", "patchy_red_marrow"),
    *("hips_normal", "hips_reconversion", "hip_osteonecrosis", "hip_transient_edema", "femoral_neck_fracture"),
    *("lumbar_normal", "lumbar_reconversion", "lumbar_endplate_edema", "lumbar_metastases", "lumbar_infiltration"),
    *("knee_normal", "knee_reconversion", "knee_subchondral_edema", "tibial_stress_fracture"),
)
_FIRST_SEED = 101
_SAGITTAL_KNEES = (27, 29)
_SAMPLES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is scanned, and how.

    Attributes
    ----------
    number : int
        0 to 29.
    pattern, view : str
        Phantom and stack of slices.
    seed, sex, age_years
        The person.
    """

    number: int
    pattern: str
    view: str
    seed: int
    sex: str
    age_years: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendered:
    """A person on both stacks, without any image yet.

    Attributes
    ----------
    person : Person
        Who.
    t1_species, stir_species : ndarray of float32, shape (species, slice, row, column)
        Volume shares on the two grids; the person lies still.
    t1_geometry, stir_geometry : VolumeGeometry
        The grids.
    marrow, bones, lesions, tissue : LabelVolume
        Truth on the T1 grid, as in `TissueMaps`.
    """

    person: Person
    t1_species: NDArray[np.float32]
    stir_species: NDArray[np.float32]
    t1_geometry: VolumeGeometry
    stir_geometry: VolumeGeometry
    marrow: LabelVolume
    bones: LabelVolume
    lesions: LabelVolume
    tissue: LabelVolume

    @property
    def protocol(self) -> str:
        """Protocol of the anatomy."""
        by_view = {"sij": "pelvis_sij", "hips": "hips", "lumbar": "lumbar_spine"}
        return by_view.get(self.person.view, "knee")


def _person(number: int, pattern: str) -> Person:
    rng = np.random.default_rng([2026, number])
    view = "knee_sagittal" if number in _SAGITTAL_KNEES else str(load_spec(pattern).view)
    return Person(
        number=number,
        pattern=pattern,
        view=view,
        seed=_FIRST_SEED + number,
        sex=str(rng.choice(["F", "M"])),
        age_years=float(rng.integers(19, 76)),
    )


PEOPLE = tuple(_person(number, pattern) for number, pattern in enumerate(_PATTERNS))


def rendered(person: Person, cache: Path) -> Rendered:
    """Read the person from `cache`, or render and keep there."""
    path = cache / f"person{person.number:02d}.npz"
    if not path.exists():
        _render(person, path)
    with np.load(path) as kept:
        grids = [
            VolumeGeometry(affine_lps=kept[f"{s}_affine"], shape=kept[f"{s}_species"].shape[1:]) for s in ("t1", "stir")
        ]
        labels = {key: _labels(kept, key, grids[0]) for key in ("marrow", "bones", "lesions", "tissue")}
        return Rendered(
            person=person,
            t1_species=kept["t1_species"].astype(np.float32),
            stir_species=kept["stir_species"].astype(np.float32),
            t1_geometry=grids[0],
            stir_geometry=grids[1],
            **labels,
        )


def _labels(kept: Mapping[str, NDArray[np.generic]], key: str, geometry: VolumeGeometry) -> LabelVolume:
    names = tuple((value, str(name)) for value, name in enumerate(kept[f"{key}_names"], 1))
    return LabelVolume(array=np.asarray(kept[key], np.uint16), geometry=geometry, names=names)


def _render(person: Person, path: Path) -> None:
    view = all_views()[person.view]
    subject = draw_subject(person.seed, sex=person.sex, age_years=person.age_years)  # type: ignore[arg-type]
    t1 = tissue_maps(person.pattern, view.geometry, subject=subject, profile=view.profile(samples=_SAMPLES))
    grid, profile = _stir_stack(view, np.random.default_rng([2027, person.number]))
    stir = tissue_maps(person.pattern, grid, subject=subject, profile=profile)
    labels = {"marrow": t1.marrow, "bones": t1.bones, "lesions": t1.lesion, "tissue": t1.tissue}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(
        part,
        t1_species=t1.species_fractions.astype(np.float16),
        stir_species=stir.species_fractions.astype(np.float16),
        t1_affine=view.geometry.affine_lps,
        stir_affine=grid.affine_lps,
        **{key: volume.array for key, volume in labels.items()},
        **{f"{key}_names": np.array(_names(volume)) for key, volume in labels.items()},
    )
    part.rename(path)


def _names(volume: LabelVolume) -> list[str]:
    known = dict(volume.names)
    return [known.get(value, "") for value in range(1, max(known) + 1)]


def _stir_stack(view: View, rng: np.random.Generator) -> tuple[VolumeGeometry, SliceProfile]:
    """Plan a stack anew: other matrix and slices, a few degrees and millimetres off."""
    old = view.geometry
    coarser, apart = rng.uniform(1.1, 1.6), rng.uniform(1.0, 1.35)
    spacing = np.asarray(old.spacing_mm) * [apart, coarser, coarser]
    larger = [1.0, rng.uniform(0.9, 1.05), rng.uniform(0.9, 1.05)]
    shape = np.ceil(np.asarray(old.shape) * old.spacing_mm / spacing * larger)
    turn = Rotation.from_rotvec(np.deg2rad(rng.uniform(0.0, 6.0)) * _direction(rng)).as_matrix()
    axes = turn @ old.directions_lps
    centre = np.asarray(view.centre_mm) + rng.uniform(-4.0, 4.0, 3)
    count = tuple(int(n) for n in shape)
    grid = VolumeGeometry.from_axes(
        origin_lps_mm=centre - axes @ (spacing * (shape - 1) / 2),
        directions_lps=axes,
        spacing_mm=tuple(float(s) for s in spacing),  # type: ignore[arg-type]
        shape=count,  # type: ignore[arg-type]
    )
    thickness = float(spacing[0]) * rng.uniform(0.8, 0.95)
    return grid, SliceProfile(thickness_mm=thickness, samples=_SAMPLES, smooth=True)


def _direction(rng: np.random.Generator) -> NDArray[np.float64]:
    vector = rng.standard_normal(3)
    return np.asarray(vector / np.linalg.norm(vector))


def main() -> int:
    """Render whoever is missing from the folder given."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python benchmarks/panel_people.py CACHE\n")
        return 2
    for person in PEOPLE:
        path = Path(sys.argv[1]) / f"person{person.number:02d}.npz"
        if not path.exists():
            _render(person, path)
        who = f"{person.number:2d} {person.pattern:24s} {person.view:14s} {person.sex} {person.age_years:.0f}"
        sys.stdout.write(f"{who}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
