"""Real sacroiliac studies lie over the template of the others, whatever their tilt and field of view."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from marrowsignal.marrow.atlas.ballot import most_reach, most_tilt
from marrowsignal.marrow.atlas.decision import dice
from marrowsignal.marrow.atlas.frame import centred_image
from marrowsignal.marrow.atlas.manifest import LabelledStudies, read_manifest, read_studies
from marrowsignal.marrow.atlas.placing import Region, Tilt, moved, place
from marrowsignal.marrow.atlas.study_view import labelled_sample, view_study
from marrowsignal.marrow.atlas.template import build_template
from marrowsignal.protocol import load_protocol

# The two whose slices lie steepest against the others': a search without tilts misplaces the second.
LEFT_OUT = ("1013", "1234")


@pytest.fixture(scope="module")
def ids(real_data: Path) -> list[str]:
    folders = sorted((real_data / "sij").iterdir())
    return [f.name for f in folders if (f / "masks" / "marrow.nii.gz").exists()]


@pytest.fixture(scope="module")
def studies(real_data: Path, ids: list[str], tmp_path_factory: pytest.TempPathFactory) -> LabelledStudies:
    lines = [f"{real_data}/sij/{i}/dicom/T1W,{real_data}/sij/{i}/masks/marrow.nii.gz" for i in ids]
    manifest = tmp_path_factory.mktemp("sij") / "manifest.csv"
    manifest.write_text("\n".join(("t1,marrow", *lines)), encoding="utf-8")
    return read_studies(read_manifest(manifest), load_protocol("pelvis_sij"))


def test_each_is_placed_over_the_others(studies: LabelledStudies, ids: list[str]) -> None:
    settings = load_protocol("pelvis_sij").atlas
    views = [view_study(s.t1, spacing_mm=s.spacing_mm, settings=settings) for s in studies.subjects]
    samples = [labelled_sample(v, s.labels, settings) for v, s in zip(views, studies.subjects, strict=True)]
    template = build_template(
        samples,
        reach_mm=most_reach(settings),
        tilt=Tilt(axis=2, degrees=(-20.0, 0.0, 20.0)),
        near_mm=settings.near.value,
    )
    for name in LEFT_OUT:
        n = ids.index(name)
        subject = studies.subjects[n]
        found, _reached = place(
            Region.whole(views[n].coarse),
            template.without(n),
            reach_mm=most_reach(settings),
            tilt=most_tilt(settings, template),
        )
        grid = centred_image(np.zeros(subject.labels.shape, np.uint8), subject.spacing_mm)
        prior = moved(template.prior(n), grid, found) > 0.4
        assert dice(prior, subject.labels > 0) > 0.68, name
