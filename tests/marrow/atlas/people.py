"""Small phantom people with labels, as subjects of an atlas and as studies."""

from __future__ import annotations

from functools import cache

import numpy as np

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.marrow.atlas import Atlas, AtlasSubject
from marrowsignal.marrow.atlas.build import learn_atlas
from marrowsignal.marrow.records import MaskKind
from marrowsignal.phantom import TissueMaps, coronal_oblique_grid, draw_subject, tissue_maps
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import AtlasSettings
from tests.alignment.pelvis import image

GRID = coronal_oblique_grid(shape=(8, 54, 58), spacing_mm=(6.0, 4.0, 4.0))
SHIFTS = ((0.0, 0.0, 0.0), (5.0, 0.0, 12.0), (-4.0, 3.0, -9.0), (2.0, -3.0, 6.0), (-3.0, 2.0, -14.0))
SEEDS = (1, 2, 3)
# Small people, small shifts: what takes time and tells nothing here.
CHANGED = {
    "coarse_pixel": 9.6,
    "search_slices": 12.0,
    "search_in_plane": 32.0,
    "samples": 4000,
    "trees": 40,
}
NAMES = ((1, "sacrum"), (2, "ilium:left"), (3, "ilium:right"))


@cache
def settings() -> AtlasSettings:
    """The shipped settings, but coarser, with fewer samples and trees and a nearer search."""
    shipped = load_protocol("generic").atlas
    return shipped.model_copy(
        update={key: getattr(shipped, key).model_copy(update={"value": value}) for key, value in CHANGED.items()}
    )


@cache
def person(seed: int, grid: VolumeGeometry = GRID) -> TissueMaps:
    """A person whose field of view is his own."""
    centre = SHIFTS[seed % len(SHIFTS)]
    return tissue_maps("normal", grid, subject=draw_subject(seed), centre_lps_mm=centre, sub_slices=1)


def subject(seed: int) -> AtlasSubject:
    of = person(seed)
    return AtlasSubject(
        name=f"atlas_{seed}",
        t1=np.round(image(of, "t1") * 10).astype(np.uint16),
        stir=np.round(image(of, "stir") * 10).astype(np.uint16),
        labels=of.marrow.array,
        spacing_mm=GRID.spacing_mm,
    )


@cache
def atlas() -> Atlas:
    """An atlas of three people with T1 and STIR."""
    return learn_atlas(
        [subject(seed) for seed in SEEDS],
        directions_lps=GRID.directions_lps,
        names=NAMES,
        kind=MaskKind.MARROW,
        settings=settings(),
        tell=lambda _line: None,
    )
