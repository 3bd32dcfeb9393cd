"""Sort out what no timing can make a T1 or a STIR: other objects, computed images, other readouts (SCIENCE 5.1)."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.dicom.contrasts.pulse_sequence import Physics
from marrowsignal.dicom.contrasts.series_words import SeriesWords
from marrowsignal.dicom.headers.enhanced import ENHANCED_SOP_CLASSES
from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.records import SeriesIdentity
from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["OtherSeries", "other_series"]

_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
_NO_IMAGE = frozenset({"1.2.840.10008.5.1.4.1.1.66"})  # Raw Data Storage carries an image's header
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSeries:
    """What the series is, and one sentence that says why."""

    identity: SeriesIdentity
    why: str


def other_series(
    header: SliceHeader, physics: Physics, words: SeriesWords, rules: SeriesRules, planes: int
) -> OtherSeries | None:
    """Return what the series is when it is no spin-echo imaging; the first that holds decides.

    Parameters
    ----------
    header : SliceHeader
        Header of one slice.
    physics, words : Physics, SeriesWords
        What its codes and its texts say.
    rules : SeriesRules
        ImageType values.
    planes : int
        How many of axial, coronal, sagittal its SeriesInstanceUID holds.
    """
    return (
        _no_mr_image(header)
        or _localizer(header, words, rules, planes)
        or _computed(header, words, rules)
        or _dixon(header, words, rules)
        or _other_readout(header, physics, words)
    )


def _no_mr_image(header: SliceHeader) -> OtherSeries | None:
    modality, sop_class = header.acquisition.modality, header.sop_class_uid
    is_image = header.rows > 0 and header.columns > 0 and sop_class not in _NO_IMAGE
    if not is_image or not (modality == "MR" or (modality is None and sop_class == _MR_IMAGE)):
        cut = header.rows < 1 and sop_class in (_MR_IMAGE, *ENHANCED_SOP_CLASSES)
        why = "an MR image without Rows: its file may be cut short." if cut else "no MR image."
        return OtherSeries(identity=SeriesIdentity.NOT_MR, why=f"{modality or 'No modality'}: {why}")
    captured = sop_class == _SECONDARY_CAPTURE or sop_class.startswith(f"{_SECONDARY_CAPTURE}.")
    if captured or header.layout.samples_per_pixel != 1:
        why = "Secondary capture or colour: its grey values are no MR signal."
        return OtherSeries(identity=SeriesIdentity.DERIVED, why=why)
    return None


def _localizer(header: SliceHeader, words: SeriesWords, rules: SeriesRules, planes: int) -> OtherSeries | None:
    facts = header.acquisition
    long_echo_train = (facts.echo_train_length or 0) > 1 and "SE" in facts.scanning_sequence
    # A name alone counts where nothing in physics or name contradicts it.
    named = words.localizer and not (long_echo_train or words.t1 or words.stir)
    checks = (
        (planes >= rules.usable.localizer_planes.value, f"Localizer: {planes} planes in one series."),
        (bool(rules.image_type.localizer & set(facts.image_type[2:])), "Localizer (ImageType)."),
        (named, "Localizer by its name."),
    )
    return next((OtherSeries(identity=SeriesIdentity.LOCALIZER, why=why) for holds, why in checks if holds), None)


def _computed(header: SliceHeader, words: SeriesWords, rules: SeriesRules) -> OtherSeries | None:
    facts, kinds = header.acquisition, rules.image_type
    flavours = set(facts.image_type[2:])
    maps = flavours & kinds.derived - kinds.diffusion
    # What a trained network reconstructed was acquired all the same.
    computed = words.derived and facts.image_type[:1] == ("DERIVED",) and not words.learned
    diffusion = (
        bool(flavours & kinds.diffusion)
        or (header.diffusion_b_value or 0) > 0
        or header.acquisition_contrast == "DIFFUSION"
    )
    derived = SeriesIdentity.DERIVED
    checks = (
        (flavours & kinds.phase, derived, "Phase, imaginary or mixed image, not magnitude."),
        (maps, derived, f"Computed from other images (ImageType {', '.join(sorted(maps))})."),
        (diffusion, SeriesIdentity.DIFFUSION, "Diffusion-weighted or a map computed from it."),
        (words.synthetic or computed, derived, "Its description says that it was computed from other images."),
    )
    return next((OtherSeries(identity=identity, why=why) for holds, identity, why in checks if holds), None)


def _dixon(header: SliceHeader, words: SeriesWords, rules: SeriesRules) -> OtherSeries | None:
    facts, kinds = header.acquisition, rules.image_type
    flavours = set(facts.image_type[2:])
    if flavours & kinds.dixon_other:
        return OtherSeries(identity=SeriesIdentity.DIXON, why="Dixon water, fat or opposed-phase image.")
    hinted = words.dixon or flavours & kinds.dixon or rules.scan_options.dixon & set(facts.scan_options)
    if not hinted or flavours & kinds.dixon_in_phase or (words.dixon_in_phase and not words.dixon_other):
        return None
    why = "Dixon image, and neither ImageType nor description say that it is the in-phase one."
    if words.dixon_other and not words.dixon_in_phase:
        why = "Dixon water, fat or opposed-phase image by its description."
    return OtherSeries(identity=SeriesIdentity.DIXON, why=why)


def _other_readout(header: SliceHeader, physics: Physics, words: SeriesWords) -> OtherSeries | None:
    sequence = "\\".join(header.acquisition.scanning_sequence) or "by its name"
    if physics.echo_planar:
        if words.diffusion:
            return OtherSeries(identity=SeriesIdentity.DIFFUSION, why=f"Echo-planar ({sequence}), named diffusion.")
        why = f"Echo-planar ({sequence}): neither T1 spin echo nor STIR."
        return OtherSeries(identity=SeriesIdentity.ECHO_PLANAR, why=why)
    if physics.gradient_echo:
        why = f"Gradient echo ({sequence}): no T1 spin echo and no STIR, whatever its timings."
        return OtherSeries(identity=SeriesIdentity.GRADIENT_ECHO, why=why)
    return None
