"""TotalSegmentator's output, as its two MR tasks write it, becomes regions at the right place in the patient."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from functools import cache
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

from marrowsignal.alignment.records import AlignedPair, BiasModel
from marrowsignal.errors import MaskError, UsageError
from marrowsignal.findings import Severity
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.geometry.itk_bridge import read_image
from marrowsignal.marrow.external import segment_external
from marrowsignal.marrow.records import MarrowSource, MaskKind, Segmentation
from marrowsignal.protocol import Protocol, load_protocol
from tests.marrow.external.stand_in import BONES, GRID, Truth, pair_on

# 56 classes and 50: the same bones have other numbers.
VERSIONS = ("2.4.0", "2.10.0")
REGION = {
    "sacrum": "sacrum",
    "hip_left": "ilium:left",
    "hip_right": "ilium:right",
    "femur_left": "femur:left",
    "femur_right": "femur:right",
}


@cache
def protocol(name: str = "hips") -> Protocol:
    return load_protocol(name)


def run(pair: AlignedPair | None = None, *, of: str = "hips", name: str = "totalsegmentator") -> Segmentation:
    return segment_external(pair or pair_on(), name, protocol=protocol(of))


def region(segmentation: Segmentation, key: str) -> np.ndarray:
    return np.isin(segmentation.labels.array, [value for value, name in segmentation.labels.names if name == key])


def codes(segmentation: Segmentation) -> dict[str, Severity]:
    return {finding.code: finding.severity for finding in segmentation.findings}


@pytest.mark.parametrize("version", VERSIONS)
def test_bones_lie_where_they_are_whatever_their_numbers(totalsegmentator, version: str) -> None:
    # label 36 is the left hip bone in 2.4 and the left femur in 2.10
    totalsegmentator(version=version)
    found = run()
    for name, key in REGION.items():
        np.testing.assert_array_equal(region(found, key), Truth(GRID).bone(name))
    assert found.kind is MaskKind.BONE
    assert found.source is MarrowSource.EXTERNAL
    assert found.made_by == f"TotalSegmentator {version}, task total_mr"
    assert found.findings == ()


def test_other_organs_are_no_bone(totalsegmentator) -> None:
    totalsegmentator()
    assert {name for _, name in run().labels.names} == {*REGION.values(), "vertebra"}


def grids() -> list[VolumeGeometry]:
    """One field of view with its axes in all 48 orders and directions."""
    out = []
    for order in permutations(range(3)):
        for flips in product((False, True), repeat=3):
            affine = GRID.affine_lps.copy()
            affine[:3, :3] = affine[:3, order]
            shape = tuple(GRID.shape[axis] for axis in order)
            for axis, flip in enumerate(flips):
                if flip:
                    affine[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
                    affine[:3, axis] *= -1
            out.append(VolumeGeometry(affine_lps=affine, shape=shape))
    return out


@pytest.mark.parametrize("grid", grids()[::7], ids=lambda grid: str(grid.shape))
def test_the_order_of_the_axes_changes_nothing(totalsegmentator, grid: VolumeGeometry) -> None:
    totalsegmentator()
    found = run(pair_on(grid))
    for name, key in REGION.items():
        np.testing.assert_array_equal(region(found, key), Truth(grid).bone(name))
    assert found.findings == ()


def test_an_output_with_flipped_axes_is_put_right(totalsegmentator) -> None:
    totalsegmentator(flipped=True)
    found = run()
    np.testing.assert_array_equal(region(found, "ilium:left"), Truth(GRID).bone("hip_left"))
    assert found.findings == ()


def test_levels_come_from_the_second_task_and_their_rims_go_with_them(totalsegmentator) -> None:
    totalsegmentator()
    found = run(of="generic")
    assert found.made_by == "TotalSegmentator 2.10.0, tasks total_mr + vertebrae_mr"
    truth = Truth(GRID)
    for level in ("L5", "L4"):
        got = region(found, level.lower())
        assert got.any()
        assert (got & truth.bone(f"vertebrae_{level}")).sum() == truth.bone(f"vertebrae_{level}").sum()
        assert not (got & ~truth.bone(f"vertebrae_{level}", wider_mm=2.5)).any()
    # what the second task does not know keeps its name, and is one body, not the shells of two others
    left = region(found, "vertebra")
    assert left.any()
    assert GRID.patient_axis(0)[left].min() > 30
    np.testing.assert_array_equal(region(found, "sacrum"), truth.bone("sacrum"))


def test_a_lumbar_protocol_runs_the_levels_and_a_pelvic_one_does_not(totalsegmentator) -> None:
    totalsegmentator()
    assert run(of="lumbar_spine").made_by.endswith("vertebrae_mr")
    assert run(of="pelvis_sij").made_by.endswith("task total_mr")


def test_a_task_without_its_licence_is_left_out_and_said_so(totalsegmentator) -> None:
    totalsegmentator()
    found = run(of="generic")
    told = [finding for finding in found.findings if finding.code == "segmenter_task_left_out"]
    assert [finding.severity for finding in told] == [Severity.WARN]
    assert "https://backend.totalsegmentator.com/license-academic/" in told[0].message


def test_it_gets_the_acquired_signal_and_no_identity(totalsegmentator, log: Path) -> None:
    totalsegmentator()
    pair = pair_on()
    field = np.linspace(0.5, 2.0, pair.t1.array.size, dtype=np.float32).reshape(pair.t1.array.shape)
    corrected = replace(pair.t1, array=pair.t1.array / field)
    run(replace(pair, t1=corrected, bias=BiasModel(t1_field=field, stir_field=field)))
    given, grid = read_image(log / "image.nii.gz")
    np.testing.assert_allclose(given, pair.t1.array, rtol=1e-6)
    assert GRID.difference(grid).within(0.001)
    header = gzip.decompress((log / "image.nii.gz").read_bytes())[:352]
    # data_type, db_name, descrip, aux_file and intent_name are where a converter leaves names
    texts = (header[4:14], header[14:32], header[148:228], header[228:252], header[328:344], header[348:352])
    assert not any(text.strip(b"\0") for text in texts)


def test_the_private_folder_was_private_and_is_gone(totalsegmentator, log: Path) -> None:
    totalsegmentator()
    run()
    facts = json.loads((log / "facts.json").read_text())
    assert facts["mode"] == 0o700
    assert not Path(facts["folder"]).parent.exists()
    assert not Path(facts["scratch"]).exists()


@pytest.mark.parametrize(
    ("way", "severity"), [({"mirrored": True}, Severity.FAIL), ({"called": {"hip_left": "hip_right"}}, None)]
)
def test_a_mirrored_output_fails_and_its_sides_are_not_used(totalsegmentator, way: dict, severity) -> None:
    totalsegmentator(**way)
    found = run()
    assert codes(found).get("segmenter_sides_swapped") == severity
    if severity:
        assert not any(":" in name for _, name in found.labels.names)


def test_a_bone_half_called_after_the_other_side_loses_its_sides(totalsegmentator) -> None:
    totalsegmentator(called={"femur_left": "hip_right"})
    found = run()
    assert codes(found) == {"segmenter_sides_mixed": Severity.WARN}
    assert {name for _, name in found.labels.names} == {"sacrum", "ilium", "femur:right", "vertebra"}


def test_a_lone_side_is_judged_by_the_sacrum(totalsegmentator) -> None:
    totalsegmentator(called={"hip_right": "spleen", "femur_right": "spleen"}, mirrored=True)
    assert codes(run())["segmenter_sides_swapped"] is Severity.FAIL
    totalsegmentator(called={"hip_right": "spleen", "femur_right": "spleen"})
    assert codes(run()) == {}


def test_labels_without_a_name_are_told_and_left_out(totalsegmentator) -> None:
    totalsegmentator(stray=True)
    found = run()
    assert codes(found) == {"segmenter_label_unknown": Severity.WARN}
    assert "200" in found.findings[0].message
    np.testing.assert_array_equal(found.labels.mask & ~region(found, "vertebra"), bones())


def bones() -> np.ndarray:
    return np.any([Truth(GRID).bone(name) for name in BONES if name in REGION], axis=0)


def test_a_class_that_a_version_calls_otherwise_is_missed_aloud(totalsegmentator) -> None:
    totalsegmentator(renamed={"hip_left": "hip_bone_left"})
    found = run()
    assert codes(found)["segmenter_class_missing"] is Severity.WARN
    assert not region(found, "ilium:left").any()


def test_nothing_found_is_empty_and_fails(totalsegmentator) -> None:
    totalsegmentator(empty=True)
    found = run()
    assert not found.labels.array.any()
    assert codes(found) == {"no_marrow_found": Severity.FAIL}


def test_an_unknown_version_is_said_to_be(totalsegmentator) -> None:
    totalsegmentator(silent=True)
    found = run()
    assert found.made_by == "TotalSegmentator of unknown version, task total_mr"
    assert codes(found) == {"segmenter_version_unknown": Severity.INFO}


@pytest.mark.parametrize(
    ("way", "code"),
    [
        ({"identity": True}, "segmenter_elsewhere"),
        ({"nothing": True}, "segmenter_no_output"),
        ({"unnamed": True}, "segmenter_labels_unnamed"),
        ({"renamed": {name: f"{name}_v3" for name in [*BONES, "vertebrae"]}}, "segmenter_other_labels"),
        ({"fail": 3}, "segmenter_failed"),
    ],
)
def test_what_cannot_be_used_is_an_error_of_ours(totalsegmentator, way: dict, code: str) -> None:
    totalsegmentator(**way)
    with pytest.raises(MaskError) as caught:
        run()
    assert caught.value.code == code


def test_a_failure_tells_what_the_program_said_but_no_path_and_no_name(totalsegmentator) -> None:
    totalsegmentator(fail=3)
    with pytest.raises(MaskError, match="exit code 3") as caught:
        run()
    text = str(caught.value)
    assert "CUDA out of memory" in text
    assert "100%|####|" in text
    assert not any(word in text for word in ("Jane", "Doe", "marrowsignal-", str(Path.home()), " 10%"))


def test_what_is_not_installed_is_said_before_any_work(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(log))
    with pytest.raises(MaskError, match="not installed") as caught:
        run()
    assert "pip install TotalSegmentator" in caught.value.hint


def test_an_unknown_name_is_a_usage_error() -> None:
    with pytest.raises(UsageError) as caught:
        run(name="elbowsegmentator")
    assert "totalsegmentator" in caught.value.hint


def test_the_same_bits_every_time(totalsegmentator) -> None:
    totalsegmentator()
    assert run().labels.array.tobytes() == run().labels.array.tobytes()
