"""The same study written as five makers write it, classic and Enhanced, is found, read and measured the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    RLELossless,
)

import marrowsignal as ms
from marrowsignal.dicom import SeriesIdentity, SeriesPair
from marrowsignal.geometry import SignalVolume, VolumeGeometry
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.geometry.label_files import read_label_volume
from marrowsignal.phantom.dicom_files import VendorName, write_companions, write_series
from marrowsignal.phantom.tissues import Sequence
from tests.phantom.dicom_kinds import (
    ENHANCED_MAKERS,
    KINDS,
    MAKERS,
    STIR,
    T1,
    header_of,
    oblique_grid,
    signal_on,
    write_kinds,
)

WRITTEN = [*((maker, False) for maker in MAKERS), *((maker, True) for maker in ENHANCED_MAKERS)]
SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "RLE": RLELossless,
    "JPEG lossless": JPEGLosslessSV1,
}
SLOPES = (1.5, 0.8, 1.1)
FOCAL = "focal_edema_like"

every_way = pytest.mark.parametrize(
    ("maker", "enhanced"),
    WRITTEN,
    ids=[f"{maker} {'Enhanced' if enhanced else 'classic'}" for maker, enhanced in WRITTEN],
)


@dataclass(frozen=True, kw_only=True)
class Original:
    """What is written: both series on one grid, and where the tissues are."""

    t1: SignalVolume
    stir: SignalVolume
    muscle: np.ndarray
    tissues: dict[str, np.ndarray]

    def ratios(self, t1: np.ndarray, stir: np.ndarray) -> dict[str, float]:
        """Median of each tissue over that of muscle, on both series."""
        return {
            f"{series} {name}": float(np.median(array[mask]) / np.median(array[self.muscle]))
            for series, array in (("T1", t1), ("STIR", stir))
            for name, mask in self.tissues.items()
        }


def pair_of(folder: Path) -> tuple[SeriesPair, SignalVolume, SignalVolume]:
    """The pair that would be analyzed, and its volumes."""
    pair = ms.select_pair(ms.find_series(folder))
    assert pair.stir is not None
    return pair, ms.read_volume(pair.t1), ms.read_volume(pair.stir)


def write_pair(folder: Path, t1: SignalVolume, stir: SignalVolume, maker: VendorName, **options: object) -> None:
    """T1 and STIR of one study as a maker writes them."""
    series: tuple[tuple[SignalVolume, Sequence, int], ...] = ((t1, T1, 3), (stir, STIR, 4))
    for volume, sequence, number in series:
        header = header_of(maker, study_key="makers", series_number=number, sequence=sequence, **options)
        write_series(volume.array, volume.geometry, header=header, folder=folder / str(number))


def noise_pair() -> tuple[SignalVolume, SignalVolume]:
    """Noise over the whole range, small."""
    grid = oblique_grid((8, 16, 12))
    signal = signal_on(grid).astype(np.float32)
    facts = AcquisitionFacts()
    return (
        SignalVolume(array=signal, geometry=grid, acquisition=facts),
        SignalVolume(array=signal[::-1], geometry=grid, acquisition=facts),
    )


@cache
def original(study: Path) -> Original:
    """The sample study at half its resolution."""
    _, t1, stir = pair_of(study / "dicom")
    tissue = read_label_volume(study / "truth" / "tissue.nii.gz", t1.geometry)
    small = _halved(t1), _halved(stir)
    labels = tissue.array[:, ::2, ::2]
    return Original(
        t1=small[0],
        stir=small[1],
        muscle=labels == 6,
        tissues={"fat": labels == 1, "marrow": labels == 2, "edema": labels == 4},
    )


def _halved(volume: SignalVolume) -> SignalVolume:
    geometry = volume.geometry
    slice_mm, row_mm, column_mm = geometry.spacing_mm
    array = volume.array[:, ::2, ::2]
    grid = VolumeGeometry.from_axes(
        origin_lps_mm=geometry.origin_lps_mm,
        directions_lps=geometry.directions_lps,
        spacing_mm=(slice_mm, 2 * row_mm, 2 * column_mm),
        shape=array.shape,
    )
    return SignalVolume(array=array, geometry=grid, acquisition=volume.acquisition)


@every_way
def test_the_scale_of_every_slice_is_undone(tmp_path: Path, maker: VendorName, enhanced: bool) -> None:
    t1, stir = noise_pair()
    write_pair(tmp_path, t1, stir, maker, enhanced=enhanced, rescale_slopes=SLOPES)
    _, read_t1, read_stir = pair_of(tmp_path)
    half_a_step = np.resize(SLOPES, 8)[:, None, None] / 2
    for read, written in ((read_t1, t1), (read_stir, stir)):
        assert read.geometry.difference(written.geometry).max_corner_mm < 1e-6
        # What is above the largest stored value is clipped on slices with a small slope.
        ceiling = np.resize(SLOPES, 8)[:, None, None] * 4094
        inside = written.array < ceiling
        assert np.all((np.abs(read.array - written.array) <= half_a_step + 1e-3)[inside])


@every_way
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_no_encoding_changes_a_value(tmp_path: Path, maker: VendorName, enhanced: bool, syntax: str) -> None:
    t1, stir = noise_pair()
    write_pair(tmp_path, t1, stir, maker, enhanced=enhanced, transfer_syntax_uid=str(SYNTAXES[syntax]))
    pair, read_t1, read_stir = pair_of(tmp_path)
    np.testing.assert_allclose(read_t1.array, np.rint(t1.array), rtol=1e-6)
    np.testing.assert_allclose(read_stir.array, np.rint(stir.array), rtol=1e-6)
    assert pair.t1.identity is SeriesIdentity.T1


@every_way
def test_slices_from_the_other_end_in_frames_of_their_own(tmp_path: Path, maker: VendorName, enhanced: bool) -> None:
    t1, stir = noise_pair()
    write_pair(tmp_path, t1, stir, maker, enhanced=enhanced, reverse_slices=True, own_frame_of_reference=True)
    pair, read_t1, read_stir = pair_of(tmp_path)
    assert not pair.same_frame_of_reference
    np.testing.assert_allclose(_on(read_t1, t1.geometry), np.rint(t1.array), rtol=1e-6)
    np.testing.assert_allclose(_on(read_stir, stir.geometry), np.rint(stir.array), rtol=1e-6)


def _on(volume: SignalVolume, grid: VolumeGeometry) -> np.ndarray:
    """The array with its slices in the grid's order."""
    backwards = float(volume.geometry.directions_lps[:, 0] @ grid.directions_lps[:, 0]) < 0
    array = volume.array[::-1] if backwards else volume.array
    first = volume.geometry.to_patient([len(array) - 1 if backwards else 0, 0, 0])
    assert first == pytest.approx(grid.origin_lps_mm, abs=1e-6)
    return np.asarray(array)


@every_way
def test_every_kind_is_told_apart_and_only_t1_and_stir_serve(tmp_path: Path, maker: VendorName, enhanced: bool) -> None:
    write_kinds(maker, tmp_path, oblique_grid((8, 4, 3)), enhanced=enhanced)
    found = {series.series_number: series for series in ms.find_series(tmp_path).series}
    for number, expected in enumerate(KINDS, start=1):
        assert found[number].identity in expected.identities, found[number].description
        assert found[number].usable is expected.usable, (found[number].description, found[number].reasons)


@every_way
def test_what_lies_beside_is_not_chosen(tmp_path: Path, maker: VendorName, enhanced: bool) -> None:
    t1, stir = noise_pair()
    write_pair(tmp_path, t1, stir, maker, enhanced=enhanced)
    beside = header_of(maker, study_key="makers", series_number=20)
    write_companions(t1.array, t1.geometry, header=beside, folder=tmp_path / "beside")
    pair, _, _ = pair_of(tmp_path)
    assert pair.stir is not None
    assert (pair.t1.series_number, pair.stir.series_number) == (3, 4)


@every_way
def test_the_tissues_have_the_same_ratios(tmp_path: Path, sample_data: Path, maker: VendorName, enhanced: bool) -> None:
    truth = original(sample_data / FOCAL)
    write_pair(tmp_path, truth.t1, truth.stir, maker, enhanced=enhanced, rescale_slopes=(1.0, 0.5))
    _, t1, stir = pair_of(tmp_path)
    expected = truth.ratios(truth.t1.array, truth.stir.array)
    assert truth.ratios(t1.array, stir.array) == pytest.approx(expected, rel=2e-3)
    assert expected["T1 fat"] > 2 > expected["T1 marrow"] > 1
    assert expected["STIR edema"] > expected["STIR marrow"]


def test_the_measurements_are_the_same(tmp_path: Path, sample_data: Path) -> None:
    truth = original(sample_data / FOCAL)
    write_pair(tmp_path / "one", truth.t1, truth.stir, "siemens")
    write_pair(tmp_path / "other", truth.t1, truth.stir, "philips", enhanced=True)
    marrow = sample_data / FOCAL / "truth" / "marrow.nii.gz"
    one, other = measured(tmp_path / "one", marrow), measured(tmp_path / "other", marrow)
    assert len(one) > 20
    assert other == pytest.approx(one, rel=1e-3)


def measured(folder: Path, marrow: Path) -> dict[tuple[str, str], float]:
    """Ratios of every region as the analysis measures them, bias left as it is."""
    series, t1, stir = pair_of(folder)
    rules = ms.load_protocol("pelvis_sij")
    pair = ms.align_pair(
        t1, stir, same_frame_of_reference=series.same_frame_of_reference, settings=rules.alignment, focus=None
    )
    mask = ms.segment_marrow(pair, protocol=rules, supplied=ms.read_supplied_marrow(marrow, t1.geometry))
    regions = ms.label_regions(pair, mask, protocol=rules)
    references = ms.find_references(pair, mask.labels, mask.core_mask, protocol=rules)
    signals = ms.measure_signals(pair, mask, regions, references, protocol=rules)
    return {
        (region.name, one.name): one.value
        for region in signals.regions
        for one in region.measurements
        if one.value is not None
    }
