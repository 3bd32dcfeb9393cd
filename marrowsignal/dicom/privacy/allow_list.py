"""Which values of a header may leave, which never, and what is done to those that may."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from marrowsignal.dicom.privacy.redaction import REDACTED, Secrets

__all__ = [
    "FREE_TEXTS",
    "MAY_LEAVE",
    "REDACTED",
    "SECRET_DATES",
    "SECRET_IDENTIFIERS",
    "SECRET_NAMES",
    "SECRET_SEQUENCES",
    "Output",
    "Secrets",
    "age_that_may_leave",
]


class Output(StrEnum):
    """Where a value of a header may go; it may never go into a log, a file name or an error of ours."""

    CASE = "case"
    INSPECT = "inspect"


# Free of the patient by `Secrets.redact` when the header is read, so that no later step can forget to.
FREE_TEXTS = (
    "AcquisitionContrast",
    "BodyPartExamined",
    "ComplexImageComponent",
    "ContrastBolusAgent",
    "ImageType",
    "Manufacturer",
    "Modality",
    "PatientPosition",
    "PhotometricInterpretation",
    "ProtocolName",
    "PulseSequenceName",
    "ScanOptions",
    "ScanningSequence",
    "SequenceName",
    "SequenceVariant",
    "SeriesDescription",
    "StackID",
)
# How the pictures were taken.
_FACTS = (
    "BitsStored",
    "Columns",
    "DiffusionBValue",
    "EchoTime",
    "EchoTrainLength",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "InversionTime",
    "Laterality",
    "LossyImageCompression",
    "MagneticFieldStrength",
    "NumberOfFrames",
    "PixelSpacing",
    "RepetitionTime",
    "Rows",
    "SamplesPerPixel",
    "SeriesNumber",
    "SliceThickness",
    "SpacingBetweenSlices",
    "TransferSyntaxUID",
)
# The two facts about the patient that marrow depends on.
_PATIENT = ("PatientAge", "PatientSex")
# On the user's own screen only: `analyze --t1 UID --stir UID` asks for them.
_ON_SCREEN = ("SeriesInstanceUID", "StudyInstanceUID")

# The whole list: the value of an element that is not here, private ones included, reaches no output.
MAY_LEAVE = MappingProxyType(
    dict.fromkeys((*FREE_TEXTS, *_FACTS), frozenset({Output.CASE, Output.INSPECT}))
    | dict.fromkeys(_PATIENT, frozenset({Output.CASE}))
    | dict.fromkeys(_ON_SCREEN, frozenset({Output.INSPECT}))
)

# Keywords of VR PN: persons.
SECRET_NAMES = (
    "NameOfPhysiciansReadingStudy",
    "OperatorsName",
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "PatientName",
    "PerformingPhysicianName",
    "PhysiciansOfRecord",
    "ReferringPhysicianName",
    "RequestingPhysician",
    "ResponsiblePerson",
)
# Numbers and names of the patient, the order, the device and the site.
SECRET_IDENTIFIERS = (
    "AccessionNumber",
    "AdmissionID",
    "DeviceSerialNumber",
    "InstitutionName",
    "IssuerOfPatientID",
    "MedicalRecordLocator",
    "OtherPatientIDs",
    "PatientID",
    "PatientTelephoneNumbers",
    "RequestedProcedureID",
    "ScheduledProcedureStepID",
    "StationName",
    "StudyID",
)
# Sequences whose items repeat such names and numbers.
SECRET_SEQUENCES = ("OtherPatientIDsSequence", "RequestAttributesSequence", "ReferencedRequestSequence")
# Any other full date is taken out of free texts without being asked for.
SECRET_DATES = ("PatientBirthDate",)

# HIPAA safe harbour, 45 CFR 164.514(b)(2)(i)(C): ages over 89 may leave only as "90 or older".
_OLDEST_AGE_Y = 89.0


def age_that_may_leave(years: float | None) -> float | None:
    """Return an age in years, 90 for everyone over 89.

    Parameters
    ----------
    years : float or None
        Age in years, None when unknown.
    """
    return 90.0 if years is not None and years > _OLDEST_AGE_Y else years
