"""A finished case gives back bit by bit what it was measured from, or says why it must be done anew."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from marrowsignal import __version__
from marrowsignal.alignment.records import AlignedPair, BiasModel, PieceMotion
from marrowsignal.dicom.privacy.case_name import input_sha256
from marrowsignal.exports import Layout, write_case
from marrowsignal.exports.aligned_state import FinishedCase, read_finished_case
from marrowsignal.exports.packed_arrays import packed_field, packed_mask, unpacked_field, unpacked_mask
from marrowsignal.findings import Finding
from marrowsignal.geometry import LabelVolume, SignalVolume
from marrowsignal.geometry.itk_bridge import write_nifti
from marrowsignal.marrow.editing import as_edit
from marrowsignal.marrow.records import MarrowSource, MaskKind, Segmentation
from marrowsignal.protocol import protocol_sha256
from marrowsignal.protocol.schema import MarrowSettings
from marrowsignal.results.provenance import library_versions
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import SHAPE, build_result

RNG = np.random.default_rng(5)


def study(folder: Path, **changes: Any) -> StudyResult:
    """A result whose series have files, with a pair that no two parts of are alike."""
    result = build_result(**changes)
    series = []
    for number, one in enumerate((result.series.t1, result.series.stir)):
        path = folder / f"slice{number}"
        path.write_bytes(bytes([number]) * 100)
        series.append(replace(one, sources=tuple(replace(source, path=path) for source in one.sources)))
    pair = replace(result.series, t1=series[0], stir=series[1])
    provenance = replace(
        result.provenance,
        version=__version__,
        libraries=library_versions(),
        protocol_sha256=protocol_sha256(result.protocol),
        input_sha256=input_sha256((*pair.t1.files, *pair.stir.files)),
    )
    return replace(result, series=pair, pair=uneven(result.pair, pair), provenance=provenance)


def uneven(pair: AlignedPair, series: Any) -> AlignedPair:
    geometry = pair.t1.geometry
    turn = np.eye(4)
    turn[:3, 3] = (0.1, 1 / 3, -2.7)
    smooth = np.exp(0.1 * np.sin(np.indices(SHAPE).sum(axis=0) / 9.0)).astype(np.float32)
    return replace(
        pair,
        t1=SignalVolume(array=RNG.gamma(2, 90, SHAPE), geometry=geometry, acquisition=series.t1.acquisition),
        stir=SignalVolume(array=RNG.normal(0, 50, SHAPE), geometry=geometry, acquisition=series.stir.acquisition),
        covered_mask=RNG.random(SHAPE) > 0.1,
        metal_mask=RNG.random(SHAPE) > 0.99,
        t1_to_stir_lps=turn,
        pieces=(
            PieceMotion(
                centre_lps_mm=(1.5, 1 / 7, -3.0),
                t1_to_stir_lps=turn * 0.3,
                beyond_rigid_mm=2.1,
                voxels=77,
                reach_mm=9.0,
            ),
        ),
        bias=BiasModel(t1_field=smooth, stir_field=smooth * np.float32(0.7)),
    )


def same(one: Any, other: Any) -> bool:
    """Equality of records field by field and of arrays bit by bit."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(
            same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
        )
    return bool(one == other)


def half_in_common(result: StudyResult) -> MarrowSettings:
    least = result.protocol.marrow.edit_min_dice.model_copy(update={"value": 0.5})
    return result.protocol.marrow.model_copy(update={"edit_min_dice": least})


def finished(
    result: StudyResult, out: Path, *, layout: Layout = Layout.CASE, **changes: Any
) -> FinishedCase | Finding | None:
    now = replace(result, **changes)
    return read_finished_case(out / result.case, now.series, protocol=now.protocol, layout=layout)


@pytest.mark.parametrize("source", [MarrowSource.AUTOMATIC, MarrowSource.SUPPLIED])
def test_the_pair_comes_back_bit_by_bit(tmp_path: Path, source: MarrowSource) -> None:
    result = study(tmp_path)
    result = replace(result, marrow=replace(result.marrow, source=source, made_by="a tool 1.2"))
    write_case(result, tmp_path / "out", report_html="x")
    case = finished(result, tmp_path / "out")
    assert isinstance(case, FinishedCase)
    assert same(case.pair, result.pair)
    if source is MarrowSource.SUPPLIED:
        assert case.own_mask is None
    else:
        assert same(case.own_mask.labels, result.marrow.labels)
        assert (case.own_mask.source, case.own_mask.made_by) == (source, "a tool 1.2")


def test_a_pair_without_stir_field_pieces_or_metal_comes_back(tmp_path: Path) -> None:
    result = study(tmp_path)
    bare = replace(
        result.pair,
        stir=None,
        t1_to_stir_lps=None,
        quality=None,
        pieces=(),
        metal_mask=None,
        bias=BiasModel(t1_field=result.pair.bias.t1_field, stir_field=None),
    )
    result = replace(result, pair=bare)
    write_case(result, tmp_path / "out", report_html="x")
    assert same(finished(result, tmp_path / "out").pair, bare)


def test_no_case_and_no_state_is_nothing(tmp_path: Path) -> None:
    assert finished(study(tmp_path), tmp_path / "out") is None


def test_what_was_made_otherwise_is_not_built_upon(tmp_path: Path) -> None:
    result = study(tmp_path)
    out = tmp_path / "out"
    write_case(result, out, report_html="x")
    swapped = replace(result.series, t1=result.series.stir, stir=result.series.t1)
    protocol = result.protocol.model_copy(update={"version": "other"})
    for changes, words in (({"protocol": protocol}, "another protocol"), ({"series": swapped}, "pair of series")):
        assert words in finished(result, out, **changes).message
    result.series.t1.files[0].write_bytes(b"other pixels")
    assert "other files" in finished(result, out).message


@pytest.mark.parametrize("part", ["version", "libraries"])
def test_what_another_version_wrote_is_not_built_upon(tmp_path: Path, part: str) -> None:
    result = study(tmp_path)
    older = {"version": "0.0.1", "libraries": (("numpy", "1.0"),)}[part]
    older_result = replace(result, provenance=replace(result.provenance, **{part: older}))
    write_case(older_result, tmp_path / "out", report_html="x")
    found = finished(result, tmp_path / "out")
    assert (found.code, "version" in found.message) == ("finished_case_not_used", True)


def test_a_changed_image_or_a_damaged_state_is_not_built_upon(tmp_path: Path) -> None:
    result = study(tmp_path)
    folder = write_case(result, tmp_path / "out", report_html="x")
    write_nifti(folder / "images" / "t1.nii.gz", replace(result.pair.t1, array=result.pair.t1.array * 2))
    assert "images have been changed" in finished(result, tmp_path / "out").message
    state = folder / "state" / "aligned_pair.npz"
    whole = state.read_bytes()
    for content in (b"", whole[: len(whole) // 2], whole[:2000] + bytes(64) + whole[2064:], b"PK\x03\x04junk"):
        state.write_bytes(content)
        assert "cannot be read" in finished(result, tmp_path / "out").message


def test_the_state_names_nobody(tmp_path: Path) -> None:
    result = study(tmp_path)
    folder = write_case(result, tmp_path / "out", report_html="x")
    with np.load(folder / "state" / "aligned_pair.npz", allow_pickle=False) as stored:
        told = b"".join(stored[key].tobytes() for key in stored.files)
    series = result.series.t1
    for secret in (series.series_instance_uid, series.study_instance_uid, series.description, str(tmp_path)):
        assert secret.encode() not in told


def test_a_mask_corrected_twice_is_told_against_the_first(tmp_path: Path) -> None:
    result = study(tmp_path)
    first = replace(result, marrow=replace(result.marrow, source=MarrowSource.AUTOMATIC))
    write_case(first, tmp_path / "out", report_html="x")
    rules = half_in_common(result)
    mask = first.marrow.labels
    places = np.argwhere(mask.array > 0)
    for removed in (5, 12):
        own = finished(first, tmp_path / "out").own_mask
        drawn = mask.array.copy()
        drawn[tuple(places[:removed].T)] = 0
        drawn[0, 0, :3] = 1
        supplied = Segmentation(
            labels=LabelVolume(array=drawn, geometry=mask.geometry), kind=MaskKind.MARROW, source=MarrowSource.SUPPLIED
        )
        found = as_edit(supplied, own, settings=rules)
        assert found.source is MarrowSource.EDITED
        assert (found.edit.added_voxels, found.edit.removed_voxels, found.edit.renamed_voxels) == (3, removed, 0)
        assert found.edit.added_ml == pytest.approx(3 * mask.geometry.voxel_ml)
        assert found.edit.edited_from.sha256 == own.sha256
        assert found.labels.names == own.labels.names
        assert f"{removed} voxels" in found.findings[-1].message
        marrow = replace(first.marrow, labels=found.labels, source=found.source, edit=found.edit)
        write_case(replace(first, marrow=marrow), tmp_path / "out", report_html="x")


def test_a_drawing_of_its_own_is_no_correction(tmp_path: Path) -> None:
    result = study(tmp_path)
    first = replace(result, marrow=replace(result.marrow, source=MarrowSource.AUTOMATIC))
    write_case(first, tmp_path / "out", report_html="x")
    own = finished(first, tmp_path / "out").own_mask
    labels = result.marrow.labels
    rules = half_in_common(result)
    other = replace(labels, array=np.roll(labels.array, SHAPE[1] // 2, axis=1))
    for drawn, kind in ((other, MaskKind.MARROW), (labels, MaskKind.BONE)):
        supplied = Segmentation(labels=drawn, kind=kind, source=MarrowSource.SUPPLIED)
        assert as_edit(supplied, own, settings=rules) is None


@settings(max_examples=40)
@given(
    hnp.arrays(np.uint32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)),
)
def test_any_bits_of_a_field_are_kept(bits: np.ndarray) -> None:
    field = bits.view(np.float32)
    assert unpacked_field(packed_field(field), field.shape).tobytes() == field.tobytes()
    mask = bits % 2 > 0
    np.testing.assert_array_equal(unpacked_mask(packed_mask(mask), mask.shape), mask)


def test_a_smooth_field_becomes_small(tmp_path: Path) -> None:
    smooth = np.exp(0.2 * np.sin(np.indices((4, 128, 128)).sum(axis=0) / 40.0)).astype(np.float32)
    np.savez_compressed(tmp_path / "f.npz", packed=packed_field(smooth))
    assert (tmp_path / "f.npz").stat().st_size < smooth.nbytes / 3


def test_the_header_is_json_without_pickles(tmp_path: Path) -> None:
    folder = write_case(study(tmp_path), tmp_path / "out", report_html="x")
    with np.load(folder / "state" / "aligned_pair.npz", allow_pickle=False) as stored:
        assert json.loads(stored["header"].tobytes())["format"] == 1
