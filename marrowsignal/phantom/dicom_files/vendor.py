"""What can be told of one maker's habits in writing MR headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from marrowsignal.phantom.dicom_files.records import FatSuppression, Readout, SeriesKind

__all__ = ["ReadoutStyle", "Vendor"]

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadoutStyle:
    """What a vendor writes for one way to make the echo.

    Attributes
    ----------
    scanning_sequence, sequence_variant, scan_options, image_type : tuple of str
        The elements of these names; ``image_type`` from its third value on.
    sequence_name : str
        SequenceName; ``{etl}`` is the echo train. Empty where the vendor writes none.
    private_name : str
        Its name among the private elements.
    flip_angle_deg : float
        FlipAngle.
    """

    scanning_sequence: Words
    sequence_variant: Words
    image_type: Words
    scan_options: Words = ()
    sequence_name: str = ""
    private_name: str = ""
    flip_angle_deg: float = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One maker's habits.

    Attributes
    ----------
    manufacturer, enhanced_manufacturer : str
        Manufacturer of classic and of Enhanced objects; the latter empty when it writes none.
    models, enhanced_models : tuple of (float, str)
        Field strength and ManufacturerModelName; the latter empty where the same scanners write Enhanced MR.
    software, enhanced_software : tuple of str
        SoftwareVersions.
    readouts : mapping
        Codes and names by readout.
    descriptions : mapping
        SeriesDescription by kind, with ``{plane}``.
    planes : tuple of str
        Its words for axial, coronal, sagittal and the template of an oblique plane.
    fat_suppressed, adiabatic, post_contrast : str
        What is added to the description.
    image_types : mapping
        Whole ImageType of the kinds that differ from their readout.
    options_of_kind : mapping
        ScanOptions added for a kind.
    single_echo_name : str
        Sequence name of a spin echo without a train.
    train_word, single_echo_word : str
        How its descriptions call a spin echo with and without a train.
    bits_stored : int
        BitsStored.
    signed : bool
        PixelRepresentation 1.
    pixel_bandwidth_hz : float or None
        PixelBandwidth; None where it is not written.
    zero_inversion_time : bool
        Writes InversionTime 0 on series without inversion.
    adiabatic_inversion_time_ms : float or None
        InversionTime that it writes for spectral adiabatic inversion.
    always_rescale : bool
        Writes RescaleSlope 1 too.
    private_scale : bool
        Scales by private elements (Philips).
    normalization_words : bool
        Tells NORM, ND and DIS2D in ImageType (Siemens).
    """

    manufacturer: str
    models: tuple[tuple[float, str], ...]
    software: Words
    readouts: Mapping[Readout, ReadoutStyle]
    descriptions: Mapping[SeriesKind, str]
    planes: tuple[str, str, str, str]
    fat_suppressed: str
    adiabatic: str
    post_contrast: str
    image_types: Mapping[SeriesKind, Words]
    enhanced_manufacturer: str = ""
    enhanced_software: Words = ()
    enhanced_models: tuple[tuple[float, str], ...] = ()
    options_of_kind: Mapping[SeriesKind, Words] = field(default_factory=dict)
    single_echo_name: str = "SE"
    train_word: str = "FSE"
    single_echo_word: str = "SE"
    bits_stored: int = 12
    signed: bool = False
    pixel_bandwidth_hz: float | None = None
    zero_inversion_time: bool = False
    adiabatic_inversion_time_ms: float | None = None
    always_rescale: bool = False
    private_scale: bool = False
    normalization_words: bool = False

    def model_at(self, magnetic_field_strength_t: float, *, enhanced: bool = False) -> str:
        """Scanner of the field strength nearest to the one given."""
        models = (enhanced and self.enhanced_models) or self.models
        return min(models, key=lambda known: abs(known[0] - magnetic_field_strength_t))[1]

    def plane_word(self, plane: str, *, oblique: bool) -> str:
        """Its word for a plane (``"axial"``, ``"coronal"``, ``"sagittal"``)."""
        word = self.planes[("axial", "coronal", "sagittal").index(plane)]
        return self.planes[3].format(plane=word) if oblique else word

    def suffix(self, fat_suppression: FatSuppression, *, post_contrast: bool) -> str:
        """Return what it adds to a description."""
        words = {FatSuppression.SPECTRAL: self.fat_suppressed, FatSuppression.ADIABATIC: self.adiabatic}
        return words.get(fat_suppression, "") + (self.post_contrast if post_contrast else "")
