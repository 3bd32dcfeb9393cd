"""Small phantom people with labels, as subjects of an atlas and as studies."""

from __future__ import annotations

from functools import cache

import numpy as np

from marrowsignal.marrow.atlas import Atlas, AtlasSubject
from marrowsignal.marrow.atlas.build import learn_atlas
from marrowsignal.marrow.records import MaskKind
from marrowsignal.phantom import TissueMaps, coronal_oblique_grid, draw_subject, tissue_maps
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import AtlasSettings
from tests.alignment.pelvis import image

GRID = coronal_oblique_grid(shape=(9, 84, 88), spacing_mm=(5.0, 2.8, 2.8))
SHIFTS = ((0.0, 0.0, 0.0), (5.0, 0.0, 12.0), (-4.0, 3.0, -9.0), (2.0, -3.0, 6.0), (-3.0, 2.0, -14.0))
NAMES = ((1, "sacrum"), (2, "ilium:left"), (3, "ilium:right"))


@cache
def settings() -> AtlasSettings:
    return load_protocol("generic").atlas


@cache
def person(seed: int) -> TissueMaps:
    """A person whose field of view is his own."""
    return tissue_maps(
        "normal", GRID, subject=draw_subject(seed), centre_lps_mm=SHIFTS[seed % len(SHIFTS)], sub_slices=1
    )


def subject(seed: int, *, stir: bool = False) -> AtlasSubject:
    of = person(seed)
    return AtlasSubject(
        name=f"atlas_{seed}",
        t1=np.round(image(of, "t1") * 10).astype(np.uint16),
        stir=np.round(image(of, "stir") * 10).astype(np.uint16) if stir else None,
        labels=of.marrow.array,
        spacing_mm=GRID.spacing_mm,
    )


@cache
def atlas(*, stir: bool = False) -> Atlas:
    """An atlas of four people."""
    return learn_atlas(
        [subject(seed, stir=stir) for seed in (1, 2, 3, 4)],
        directions_lps=GRID.directions_lps,
        names=NAMES,
        kind=MaskKind.MARROW,
        settings=settings(),
        tell=lambda _line: None,
    )
