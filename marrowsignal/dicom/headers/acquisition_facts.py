"""How a series was acquired, from standard and makers' elements."""

from __future__ import annotations

from marrowsignal.dicom.headers.header_values import HeaderValues
from marrowsignal.dicom.privacy.allow_list import age_that_may_leave
from marrowsignal.geometry.acquisition import AcquisitionFacts

__all__ = ["acquisition_facts", "b_value", "contrast_agent", "moment", "vendor_names"]

_PHILIPS_IMAGING = "Philips Imaging DD 001"
_GE_ACQUISITION = "GEMS_ACQU_01"
_GE_PARAMETERS = "GEMS_PARM_01"
_SIEMENS = "SIEMENS MR HEADER"
_COMPONENTS = {"PHASE": "P", "REAL": "R", "IMAGINARY": "I", "MIXED": "P"}


def vendor_names(values: HeaderValues) -> tuple[str, ...]:
    """Return the sequence names in the makers' private elements."""
    names = (
        values.private_text(0x0019, _GE_ACQUISITION, 0x9C),
        values.private_text(0x0019, _GE_ACQUISITION, 0x9E),
        values.private_text(0x2001, _PHILIPS_IMAGING, 0x20),
    )
    return tuple(name for name in names if name)


def b_value(values: HeaderValues) -> float | None:
    """Return DiffusionBValue, or what the maker keeps in its place, s/mm2."""
    found = values.number("DiffusionBValue")
    if found is None:
        found = values.private_number(0x0019, _SIEMENS, 0x0C)
    if found is None:
        found = values.private_number(0x2001, _PHILIPS_IMAGING, 0x03)
    if found is None:
        found = values.private_number(0x0043, _GE_PARAMETERS, 0x39)
        # GE adds 1,000,000,000 to tell that a direction follows.
        found = None if found is None else found % 1_000_000
    return found


def acquisition_facts(values: HeaderValues, *, enhanced: bool) -> AcquisitionFacts:
    """Gather what tells how a series was acquired; `enhanced` brings Enhanced MR's elements into classic codes."""
    sex = values.text("PatientSex").upper()
    image_type = values.codes("ImageType")
    component = _COMPONENTS.get(values.text("ComplexImageComponent").upper())
    return AcquisitionFacts(
        modality=values.text("Modality").upper() or None,
        scanning_sequence=_scanning_sequence(values) if enhanced else values.codes("ScanningSequence"),
        sequence_variant=values.codes("SequenceVariant"),
        scan_options=values.codes("ScanOptions"),
        image_type=(*image_type, component) if component else image_type,
        sequence_name=values.text("SequenceName") or values.text("PulseSequenceName") or None,
        repetition_time_ms=values.positive("RepetitionTime"),
        echo_time_ms=values.positive("EchoTime"),
        # GE, Hitachi and Philips write 0 on series without inversion.
        inversion_time_ms=values.positive("InversionTime"),
        echo_train_length=values.whole("EchoTrainLength") or None,
        magnetic_field_strength_t=values.positive("MagneticFieldStrength"),
        manufacturer=values.text("Manufacturer") or None,
        body_part_examined=values.text("BodyPartExamined").upper() or None,
        patient_position=values.text("PatientPosition").upper() or None,
        patient_age_y=age_that_may_leave(_age_years(values.text("PatientAge"))),
        patient_sex=sex if sex in ("F", "M") else None,
        slice_thickness_mm=values.positive("SliceThickness"),
    )


def _scanning_sequence(values: HeaderValues) -> tuple[str, ...]:
    """Say in classic codes what Enhanced MR says in four elements."""
    codes = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}
    found = codes.get(values.text("EchoPulseSequence").upper(), ())
    if values.text("EchoPlanarPulseSequence").upper() == "YES":
        found = (*found, "EP")
    if values.text("InversionRecovery").upper() == "YES" or values.positive("InversionTime") is not None:
        found = (*found, "IR")
    return found


def _age_years(text: str) -> float | None:
    """PatientAge such as 034Y, 018M, 012W or 300D in years."""
    per_year = {"Y": 1.0, "M": 12.0, "W": 52.1775, "D": 365.2425}
    digits, unit = text[:-1], text[-1:].upper()
    if not (digits.isascii() and digits.isdecimal()) or unit not in per_year:
        return None
    return int(digits) / per_year[unit]


def moment(values: HeaderValues) -> str:
    """Return date and time of acquisition, ``YYYYMMDDHHMMSS.ffffff``; zeros for a date that was taken away."""
    moment = values.text("AcquisitionDateTime")
    if moment:
        return moment
    date = (values.text("AcquisitionDate") or values.text("SeriesDate")).replace(".", "")
    clock = (values.text("AcquisitionTime") or values.text("SeriesTime")).replace(":", "")
    # De-identification may empty the date and leave the clock: the clock keeps its place.
    return f"{date:0>8}{clock}" if clock else ""


def contrast_agent(values: HeaderValues) -> str:
    """Return the contrast agent that the header names; empty when none."""
    agent = values.text("ContrastBolusAgent")
    if not agent and values.has("ContrastBolusAgentSequence"):
        return "named in ContrastBolusAgentSequence"
    return agent
