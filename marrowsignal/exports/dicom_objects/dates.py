"""Dates of our objects: those of the T1 series, so that one UID always means the same bytes."""

from __future__ import annotations

from pydicom.dataset import Dataset

from marrowsignal.exports.dicom_objects.records import SourceImages

__all__ = ["series_date_and_time", "set_dates"]

# What a series without any date gets: an object must have one, and nobody takes this for a real one.
_NO_DATE, _NO_TIME = "19000101", "000000"
_FULL_TIME = "000000"


def series_date_and_time(source: SourceImages) -> tuple[str, str]:
    """Return date and time of the T1 series, as DICOM writes them (DA, TM).

    Parameters
    ----------
    source : SourceImages
        Headers of the images.

    Returns
    -------
    tuple of str
        Those of the series, else of its acquisition, its content or the study; 1900-01-01 where no header tells one.
    """
    header = source.t1[0]
    for origin in ("Series", "Acquisition", "Content", "Study"):
        date = str(header.get(f"{origin}Date") or "")
        if date:
            time = str(header.get(f"{origin}Time") or "")
            return date, time + _FULL_TIME[len(time) :]
    return _NO_DATE, _NO_TIME


def set_dates(dataset: Dataset, source: SourceImages) -> None:
    """Replace every date and time at which an object was made by those of the T1 series, in place.

    Parameters
    ----------
    dataset : Dataset
        Any of our objects; libraries write the time of the day into it. When the analysis ran stands in result.json.
    source : SourceImages
        Headers of the images.
    """
    date, time = series_date_and_time(source)
    for moment in ("InstanceCreation", "Series", "Content"):
        setattr(dataset, f"{moment}Date", date)
        setattr(dataset, f"{moment}Time", time)
    for keyword, value in (("DateOfSecondaryCapture", date), ("TimeOfSecondaryCapture", time)):
        if keyword in dataset:
            setattr(dataset, keyword, value)
    for item in dataset.get("ContributingEquipmentSequence") or ():
        if "ContributionDateTime" in item:
            item.ContributionDateTime = date + time
