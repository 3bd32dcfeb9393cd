"""Private elements by which the makers tell what the standard has no place for."""

from __future__ import annotations

from pydicom.dataset import Dataset

from marrowsignal.phantom.dicom_files.identity import decimal
from marrowsignal.phantom.dicom_files.records import SeriesHeader, SeriesKind
from marrowsignal.phantom.dicom_files.stored import StoredImage
from marrowsignal.phantom.dicom_files.vendors import VENDORS

__all__ = ["B_VALUE", "add_private", "philips_scale", "private_name"]

B_VALUE = 800


def add_private(ds: Dataset, header: SeriesHeader, image: StoredImage) -> None:
    """Add what the header's vendor keeps in private elements."""
    writer = {"siemens": _siemens, "ge": _ge, "philips": _philips, "canon": _canon}.get(header.options.vendor)
    if writer is not None:
        writer(ds, header, image)


def private_name(header: SeriesHeader) -> str:
    """Sequence name among the private elements of makers that write no other."""
    vendor = VENDORS[header.options.vendor]
    name = vendor.readouts[header.shown.readout].private_name
    return vendor.single_echo_name if name and header.single_echo else name


def _siemens(ds: Dataset, header: SeriesHeader, image: StoredImage) -> None:
    block = ds.private_block(0x0051, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0B, "SH", f"{image.pixels.shape[0]}*{image.pixels.shape[1]}s")
    block.add_new(0x0F, "LO", header.options.identifiers.comments[:64] or "BO1-3;SP4-6")
    block.add_new(0x16, "LO", "/".join(ds.ImageType[2:]))
    if header.shown is SeriesKind.DWI_TRACE:
        block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", str(B_VALUE))


def _ge(ds: Dataset, header: SeriesHeader, image: StoredImage) -> None:
    name = private_name(header)
    block = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x9C, "LO", name)
    block.add_new(0x9D, "DT", "20190601120000")
    block.add_new(0x9E, "LO", name.upper())
    block = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
    if header.shown is SeriesKind.DWI_TRACE:
        block.add_new(0x39, "IS", [str(1_000_000_000 + B_VALUE), "8", "0", "0"])
    if header.options.identifiers.comments:
        block.add_new(0x9A, "LO", header.options.identifiers.comments[:64])


def _philips(ds: Dataset, header: SeriesHeader, image: StoredImage) -> None:
    block = ds.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x20, "LO", private_name(header))
    if header.options.identifiers.comments:
        block.add_new(0xCC, "ST", header.options.identifiers.comments)
    philips_scale(ds, image)


def philips_scale(ds: Dataset, image: StoredImage) -> None:
    """Add scale intercept and slope: signal = (stored - intercept) / slope."""
    block = ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    block.add_new(0x0D, "FL", 0.0)
    block.add_new(0x0E, "FL", 1.0 / image.step)


def _canon(ds: Dataset, header: SeriesHeader, image: StoredImage) -> None:
    block = ds.private_block(0x700D, "CANON_MEC_MR3", create=True)
    block.add_new(0x02, "LO", header.options.identifiers.comments[:64] or decimal(image.step))
