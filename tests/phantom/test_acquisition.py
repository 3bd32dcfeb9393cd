"""What the scanner does to an image, each effect against what it must be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.acquisition import SIJ_STIR_1_5T, SIJ_T1_1_5T, Breathing, Coil, Metal, SeriesPhysics, acquire
from marrowsignal.phantom.acquisition.coil import slice_sheet
from marrowsignal.phantom.acquisition.kspace import resolution_window, shift_phase, to_image, to_kspace
from marrowsignal.phantom.acquisition.metal import distort, frequency_offset
from marrowsignal.phantom.acquisition.motion import line_states, modulation
from marrowsignal.phantom.equations import fat_null_inversion_time_ms, fat_offset_hz, larmor_mhz, voxel_magnitude
from marrowsignal.phantom.tissues import STIR_1_5T, T1_TSE_1_5T, Species, constants_of, signals

# axial: columns to the left, rows to the back
GRID = VolumeGeometry.from_axes(
    origin_lps_mm=(-63.0, -63.0, 0.0),
    directions_lps=[[0, 0, 1], [0, 1, 0], [1, 0, 0]],
    spacing_mm=(4.0, 2.0, 2.0),
    shape=(3, 64, 64),
)
PLAIN = SeriesPhysics(sequence=T1_TSE_1_5T, gain=1500.0)
EVERYTHING = SeriesPhysics(
    sequence=STIR_1_5T,
    gain=3000.0,
    muscle_snr=15.0,
    resolution=(0.7, 0.5),
    taper=0.3,
    pixel_bandwidth_hz=180.0,
    coil=Coil(bias_p5=0.7, bias_p95=1.3, depth_mm=60.0),
    breathing=Breathing(motion_mm=4.0, ghost_fraction=0.1),
    metal=(Metal(centre_lps_mm=(10.0, 5.0, 4.0), radius_mm=4.0),),
)
MUSCLE_SIGNAL = float(signals(T1_TSE_1_5T)[Species.MUSCLE])


def body(**blocks: tuple[slice, slice]) -> np.ndarray:
    species = np.zeros((len(Species), *GRID.shape), np.float32)
    for name, (rows, columns) in blocks.items():
        species[Species[name.upper()], :, rows, columns] = 1.0
    return species


def blob(kind: Species, *, at: tuple[float, float] = (31.5, 31.5), width_px: float = 4.0) -> np.ndarray:
    """Smooth enough to have no frequencies beyond half the matrix."""
    rows, columns = np.arange(64)[:, None] - at[0], np.arange(64)[None, :] - at[1]
    species = np.zeros((len(Species), *GRID.shape))
    species[kind] = np.exp(-(rows**2 + columns**2) / (2.0 * width_px**2))
    return species


def take(species: np.ndarray, series: SeriesPhysics, seed: int = 0, **how: int) -> np.ndarray:
    return acquire(species, GRID, series=series, rng=np.random.default_rng(seed), **how).signal.astype(float)


def centroid(image: np.ndarray) -> np.ndarray:
    rows, columns = np.indices(image.shape)
    return np.array([(rows * image).sum(), (columns * image).sum()]) / image.sum()


MUSCLE = body(muscle=(slice(None), slice(None)))
SQUARE = body(muscle=(slice(20, 44), slice(24, 40)))


class TestIdentity:
    @pytest.mark.parametrize("series", [PLAIN, replace(PLAIN, breathing=Breathing())])
    @pytest.mark.parametrize("sequence", [T1_TSE_1_5T, STIR_1_5T])
    def test_with_everything_off_it_is_magnitude_times_bias_times_gain(
        self, series: SeriesPhysics, sequence: object
    ) -> None:
        # without breathing k-space is skipped; with breathing that does not move it is gone through
        rng = np.random.default_rng(3)
        species = rng.dirichlet(np.ones(len(Species)), size=GRID.shape).transpose(3, 0, 1, 2)
        series = replace(series, sequence=sequence, coil=Coil(bias_p5=0.7, bias_p95=1.3))
        got = acquire(species, GRID, series=series, rng=np.random.default_rng(0))
        expected = voxel_magnitude(species, signals(series.sequence)) * got.bias * 1500.0
        np.testing.assert_allclose(got.signal, expected, rtol=1e-5, atol=1e-3)
        assert got.noise_sd == 0.0

    def test_k_space_keeps_energy(self) -> None:
        image = np.random.default_rng(0).standard_normal((16, 24))
        kspace = to_kspace(image)
        assert (np.abs(kspace) ** 2).sum() == pytest.approx((image**2).sum())
        np.testing.assert_allclose(to_image(kspace), image, atol=1e-12)

    def test_fat_and_water_of_a_voxel_cancel_before_the_magnitude(self) -> None:
        fat = constants_of(Species.MARROW_FAT).t1_ms
        null = float(fat_null_inversion_time_ms(fat, repetition_time_ms=5000.0, train_length_ms=110.0))
        late = replace(STIR_1_5T, inversion_time_ms=null + 40.0)
        plus, minus = (float(signals(late)[s]) for s in (Species.MARROW_FAT, Species.MARROW_WATER))
        share = minus / (minus - plus)
        species = np.zeros((len(Species), *GRID.shape))
        species[Species.MARROW_FAT], species[Species.MARROW_WATER] = share, 1.0 - share
        assert np.abs(take(species, replace(PLAIN, sequence=late, breathing=Breathing()))).max() < 1e-6
        assert plus > 0.0 > minus

    def test_everything_at_once_is_finite_and_positive(self) -> None:
        got = take(SQUARE, EVERYTHING)
        assert np.isfinite(got).all()
        assert (got >= 0.0).all()


class TestDeterminism:
    def test_threads_do_not_matter_and_seeds_do(self) -> None:
        one = take(SQUARE, EVERYTHING, seed=5)
        assert np.array_equal(one, take(SQUARE, EVERYTHING, seed=5, workers=3))
        assert not np.array_equal(one, take(SQUARE, EVERYTHING, seed=6))

    def test_slices_have_noise_of_their_own(self) -> None:
        got = take(MUSCLE, replace(PLAIN, muscle_snr=10.0))
        assert abs(np.corrcoef(got[0].ravel(), got[1].ravel())[0, 1]) < 0.1


class TestNoise:
    @pytest.mark.parametrize("resolution", [(1.0, 1.0), (0.7, 0.5)])
    def test_muscle_has_the_snr_asked_for(self, resolution: tuple[float, float]) -> None:
        series = replace(PLAIN, muscle_snr=20.0, resolution=resolution, taper=0.3)
        got = acquire(MUSCLE, GRID, series=series, rng=np.random.default_rng(1))
        assert got.noise_sd == pytest.approx(1500.0 * MUSCLE_SIGNAL / 20.0)
        assert float(got.signal.std()) == pytest.approx(got.noise_sd, rel=0.05)

    def test_air_is_rayleigh(self) -> None:
        got = acquire(0.0 * MUSCLE, GRID, series=replace(PLAIN, muscle_snr=20.0), rng=np.random.default_rng(1))
        assert float(got.signal.mean()) == pytest.approx(got.noise_sd * np.sqrt(np.pi / 2.0), rel=0.02)

    def test_noise_of_a_zero_filled_image_is_correlated_as_its_window_says(self) -> None:
        got = take(MUSCLE, replace(PLAIN, muscle_snr=20.0, resolution=(1.0, 0.5)))
        noise = got - got.mean()

        def neighbours(axis: int) -> float:
            return float((noise * np.roll(noise, 1, axis)).mean() / noise.var())

        # sinc of the acquired share: 2 / pi along phase, which runs along the rows of the picture
        assert neighbours(2) == pytest.approx(2.0 / np.pi, abs=0.05)
        assert neighbours(1) == pytest.approx(0.0, abs=0.05)


class TestResolution:
    def test_a_cut_step_overshoots_by_the_gibbs_constant_and_a_filter_softens_it(self) -> None:
        half = body(muscle=(slice(None), slice(0, 32)))
        level = 1500.0 * MUSCLE_SIGNAL
        # fine sampling of the ringing: 8 reconstructed pixels per acquired one
        sharp = take(half, replace(PLAIN, resolution=(1.0, 0.125)))[1, 32]
        soft = take(half, replace(PLAIN, resolution=(1.0, 0.125), taper=0.92))[1, 32]
        assert sharp.max() / level == pytest.approx(1.09, abs=0.02)
        assert soft.max() / level < 1.01

    def test_window_keeps_the_asked_share_of_lines(self) -> None:
        for share in (0.25, 0.5, 0.75):
            kept = int((resolution_window(128, fraction=share, taper=0.3) > 0).sum())
            assert kept == pytest.approx(128 * share, abs=1)
        assert np.array_equal(resolution_window(64, fraction=1.0, taper=0.0), np.ones(64))

    def test_a_smooth_image_survives_half_the_matrix(self) -> None:
        soft = blob(Species.MUSCLE)
        np.testing.assert_allclose(take(soft, replace(PLAIN, resolution=(0.5, 0.5))), take(soft, PLAIN), atol=0.05)


class TestChemicalShift:
    @pytest.mark.parametrize(("phase", "axis"), [("ROW", 0), ("COL", 1)])
    def test_fat_moves_along_frequency_by_the_asked_part_of_a_pixel(self, phase: str, axis: int) -> None:
        series = replace(PLAIN, phase_encoding=phase, pixel_bandwidth_hz=fat_offset_hz(1.5) / 1.3)
        assert series.fat_shift_px == pytest.approx(1.3)
        moved = centroid(take(blob(Species.FAT), series)[1]) - centroid(take(blob(Species.FAT), PLAIN)[1])
        assert moved[axis] == pytest.approx(1.3, abs=1e-3)
        assert moved[1 - axis] == pytest.approx(0.0, abs=1e-3)

    def test_water_stays(self) -> None:
        series = replace(PLAIN, pixel_bandwidth_hz=100.0)
        np.testing.assert_allclose(take(blob(Species.MUSCLE), series), take(blob(Species.MUSCLE), PLAIN), atol=1e-2)

    def test_a_zero_filled_matrix_and_a_stronger_field_shift_by_more_pixels(self) -> None:
        series = replace(PLAIN, pixel_bandwidth_hz=200.0)
        assert replace(series, resolution=(0.5, 1.0)).fat_shift_px == pytest.approx(2.0 * series.fat_shift_px)
        strong = replace(series, sequence=replace(T1_TSE_1_5T, magnetic_field_strength_t=3.0))
        assert strong.fat_shift_px == pytest.approx(2.0 * series.fat_shift_px)

    def test_shifted_real_lines_stay_real_and_whole_pixels_are_exact(self) -> None:
        line = np.random.default_rng(0).standard_normal(16)
        for shift in (0.3, 2.0, -1.7):
            moved = np.fft.ifft(np.fft.fft(line) * shift_phase(16, shift))
            assert np.abs(moved.imag).max() < 1e-12
            assert moved.sum().real == pytest.approx(line.sum())
        np.testing.assert_allclose(np.fft.ifft(np.fft.fft(line) * shift_phase(16, 3.0)).real, np.roll(line, 3))


class TestBreathing:
    FRONT = Breathing(motion_mm=3.0, ghost_fraction=0.2, still_behind_y_mm=100.0)

    @pytest.mark.parametrize(("phase", "axis"), [("ROW", 1), ("COL", 0)])
    def test_ghosts_lie_along_the_phase_direction_only(self, phase: str, axis: int) -> None:
        small = body(muscle=(slice(28, 34), slice(28, 34)))
        series = replace(PLAIN, sequence=STIR_1_5T, phase_encoding=phase)
        # only signal changes: displacement along the patient's y would blur the frequency direction too
        moving = replace(series, breathing=replace(self.FRONT, motion_mm=0.0))
        ghosts = np.abs(take(small, moving) - take(small, series))[1]
        in_line = np.zeros((64, 64), bool)
        in_line[(slice(28, 34), slice(None)) if axis == 1 else (slice(None), slice(28, 34))] = True
        inside = np.zeros((64, 64), bool)
        inside[28:34, 28:34] = True
        assert ghosts[~in_line].max() < 1e-3
        assert ghosts[in_line & ~inside].max() > 0.01 * take(small, series).max()

    def test_a_pure_tone_makes_two_ghosts_of_half_its_amplitude(self) -> None:
        image = np.zeros((32, 32))
        image[10, 16] = 1.0
        states = np.cos(2.0 * np.pi * np.fft.fftfreq(32) * 5.0)
        factor = modulation(states, shape=(32, 32), phase_axis=1, motion_px=(0.0, 0.0), ghost_fraction=0.4)
        got = np.abs(to_image(to_kspace(image) * factor))
        expected = image.copy()
        expected[10, [11, 21]] = 0.2
        np.testing.assert_allclose(got, expected, atol=1e-12)

    def test_a_steady_displacement_is_a_shift(self) -> None:
        image = blob(Species.MUSCLE)[Species.MUSCLE, 0]
        factor = modulation(np.ones(64), shape=(64, 64), phase_axis=1, motion_px=(2.0, -1.5), ghost_fraction=0.0)
        moved = centroid(np.abs(to_image(to_kspace(image) * factor))) - centroid(image)
        np.testing.assert_allclose(moved, [2.0, -1.5], atol=1e-3)

    def test_only_stir_has_ghosts_in_the_usual_protocol(self) -> None:
        assert SIJ_T1_1_5T.breathing is None
        assert SIJ_STIR_1_5T.breathing is not None

    def test_what_lies_behind_is_still(self) -> None:
        series = replace(PLAIN, sequence=STIR_1_5T)
        still = replace(series, breathing=replace(self.FRONT, still_behind_y_mm=-30.0))
        back = body(muscle=(slice(40, 60), slice(20, 44)))
        np.testing.assert_allclose(take(back, still), take(back, series), atol=1e-3)

    def test_lines_of_one_shot_share_their_state(self) -> None:
        window = resolution_window(220, fraction=0.5, taper=0.0)
        states = line_states(np.random.default_rng(2), window=window, sequence=STIR_1_5T, breathing=Breathing())
        acquired = np.fft.fftshift(states)[np.fft.fftshift(window) > 0]
        shots = -(-len(acquired) // STIR_1_5T.echo_train_length)
        assert acquired.sum() == pytest.approx(0.0, abs=1e-9)
        assert np.array_equal(acquired[:shots], acquired[shots : 2 * shots])
        assert np.ptp(acquired[:shots]) > 1.0
        assert not states[window == 0].any()


class TestCoil:
    def test_shading_has_its_percentiles_and_differs_between_series(self) -> None:
        series = replace(PLAIN, coil=Coil(bias_p5=0.7, bias_p95=1.3))
        one, two = (acquire(MUSCLE, GRID, series=series, rng=np.random.default_rng(s)) for s in (1, 2))
        assert np.percentile(one.bias, [5, 95]) == pytest.approx([0.7, 1.3], rel=0.03)
        assert np.abs(one.bias - two.bias).mean() > 0.05

    def test_the_back_is_brighter_when_the_coil_lies_there(self) -> None:
        for seed in range(4):
            series = replace(PLAIN, coil=Coil(bias_p5=0.7, bias_p95=1.3, back_share=0.8))
            got = acquire(MUSCLE, GRID, series=series, rng=np.random.default_rng(seed)).bias
            assert np.percentile(got, [5, 95]) == pytest.approx([0.7, 1.3], rel=0.03)
            assert got[:, 48:].mean() > 1.2 * got[:, :16].mean()

    def test_normalization_evens_tissue_and_lets_noise_grow_with_depth(self) -> None:
        coil = Coil(depth_mm=50.0)
        even = take(MUSCLE, replace(PLAIN, muscle_snr=40.0, coil=coil))
        back, front = even[:, 48:], even[:, :16]
        assert back.mean() == pytest.approx(front.mean(), rel=0.02)
        assert front.std() > 2.5 * back.std()
        raw = take(MUSCLE, replace(PLAIN, muscle_snr=40.0, coil=replace(coil, normalized=False)))
        assert raw[:, 48:].mean() > 2.5 * raw[:, :16].mean()
        assert raw[:, 60:].std(axis=2).mean() == pytest.approx(raw[:, :4].std(axis=2).mean(), rel=0.1)

    def test_air_fades_away_from_the_body_and_gas_inside_does_not(self) -> None:
        species = body(muscle=(slice(32, 64), slice(None)))
        species[:, :, 46:49, 30:33] = 0.0
        coil = Coil(air_fraction=0.1)
        got = take(species, replace(PLAIN, muscle_snr=20.0, coil=coil))
        full = take(species, replace(PLAIN, muscle_snr=20.0))
        np.testing.assert_allclose(got[:, :10], 0.1 * full[:, :10])
        np.testing.assert_allclose(got[:, 33:], full[:, 33:], rtol=1e-6)


class TestMetal:
    METAL = Metal(centre_lps_mm=(0.0, 0.0, 4.0), radius_mm=5.0)
    # coronal: rows run down, so the field lies in the plane
    CORONAL = VolumeGeometry.from_axes(
        origin_lps_mm=(-63.0, 0.0, 67.0),
        directions_lps=[[0, 0, 1], [1, 0, 0], [0, -1, 0]],
        spacing_mm=(4.0, 2.0, 2.0),
        shape=(1, 64, 64),
    )

    def test_the_field_is_that_of_a_magnetized_sphere(self) -> None:
        sheet = slice_sheet(self.CORONAL, 0)
        metal = replace(self.METAL, centre_lps_mm=(1.0, 0.0, 1.0))
        offset, _ = frequency_offset(sheet, metal, larmor_mhz=larmor_mhz(1.5))
        surface = metal.shift_ppm * larmor_mhz(1.5)
        # the centre is pixel (33, 32); 5 pixels are two radii
        assert offset[28, 32] == pytest.approx(surface / 8.0)
        assert offset[33, 37] == pytest.approx(-surface / 16.0)

    def test_metal_is_a_void_with_a_bright_rim_and_nothing_far_away(self) -> None:
        series = replace(PLAIN, pixel_bandwidth_hz=200.0, metal=(self.METAL,))
        species = MUSCLE[:, :1]
        rng = np.random.default_rng(0)
        got = acquire(species, self.CORONAL, series=series, rng=rng).signal[0] / (1500.0 * MUSCLE_SIGNAL)
        near = got[20:44, 20:44]
        assert near.min() < 0.05
        assert near.max() > 1.5
        assert (near < 0.3).sum() * 4.0 > np.pi * 5.0**2
        np.testing.assert_allclose(got[:8], 1.0, atol=1e-5)

    def test_distortion_moves_signal_without_losing_it(self) -> None:
        rng = np.random.default_rng(0)
        image, shift = rng.uniform(size=(20, 30)), rng.uniform(-3.0, 3.0, size=(20, 30))
        for axis in (0, 1):
            got = distort(image, shift, axis=axis)
            np.testing.assert_allclose(got.sum(axis=axis), image.sum(axis=axis))
            np.testing.assert_allclose(distort(image, np.zeros_like(shift), axis=axis), image)

    def test_signal_piles_up_where_shifts_converge(self) -> None:
        # each pixel goes half way to the middle: twice the signal on half the length
        shift = np.broadcast_to(-0.5 * (np.arange(65) - 32.0), (3, 65))
        got = distort(np.ones((3, 65)), shift, axis=1)
        np.testing.assert_allclose(got[:, 20:45], 2.0, rtol=0.1)
        assert np.abs(got[:, :14]).max() == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: replace(PLAIN, resolution=(1.2, 1.0)),
        lambda: replace(PLAIN, metal=(TestMetal.METAL,)),
        lambda: Coil(bias_p5=1.3, bias_p95=0.7),
        lambda: Coil(back_share=1.0),
    ],
)
def test_impossible_settings_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"acquired matrix|bandwidth|percentiles|share"):
        wrong()  # type: ignore[operator]
