"""The habits of five makers in writing MR headers (SCIENCE 5.2)."""

from __future__ import annotations

from collections.abc import Mapping

from marrowsignal.phantom.dicom_files.records import Readout, SeriesKind, VendorName
from marrowsignal.phantom.dicom_files.vendor import ReadoutStyle, Vendor

__all__ = ["VENDORS"]

_SPIN, _INVERSION = Readout.SPIN_ECHO, Readout.INVERSION
_GRADIENT, _PLANAR = Readout.GRADIENT_ECHO, Readout.ECHO_PLANAR
_ORIGINAL = ("ORIGINAL", "PRIMARY")
_IN, _OPPOSED, _FRACTION = SeriesKind.IN_PHASE, SeriesKind.OPPOSED_PHASE, SeriesKind.FAT_FRACTION


def _told(pattern: str, **words: str) -> dict[SeriesKind, str]:
    """Descriptions that put a word for the contrast into one pattern."""
    return {SeriesKind(kind): pattern.replace("{contrast}", word) for kind, word in words.items()}


_SIEMENS = Vendor(
    manufacturer="SIEMENS",
    enhanced_manufacturer="Siemens Healthineers",
    models=((0.3, "MAGNETOM C!"), (1.5, "MAGNETOM Aera"), (3.0, "MAGNETOM Skyra")),
    software=("syngo MR E11",),
    enhanced_software=("syngo MR XA50",),
    enhanced_models=((0.55, "MAGNETOM Free.Max"), (1.5, "MAGNETOM Sola"), (3.0, "MAGNETOM Vida")),
    readouts={
        _SPIN: ReadoutStyle(
            scanning_sequence=("SE",),
            sequence_variant=("SK", "SP", "OSP"),
            scan_options=("PFP",),
            image_type=("M",),
            sequence_name="*tse2d1_{etl}",
            flip_angle_deg=150.0,
        ),
        _INVERSION: ReadoutStyle(
            scanning_sequence=("SE", "IR"),
            sequence_variant=("SK", "SP", "MP", "OSP"),
            scan_options=("IR", "PFP"),
            image_type=("M",),
            sequence_name="*tir2d1_{etl}",
            flip_angle_deg=150.0,
        ),
        _GRADIENT: ReadoutStyle(
            scanning_sequence=("GR",),
            sequence_variant=("SP", "OSP"),
            image_type=("M",),
            sequence_name="*fl2d1",
            flip_angle_deg=20.0,
        ),
        _PLANAR: ReadoutStyle(
            scanning_sequence=("EP",),
            sequence_variant=("SK", "SP"),
            scan_options=("PFP", "FS"),
            image_type=("DIFFUSION",),
            sequence_name="*ep_b800t",
        ),
    },
    descriptions=_told("{contrast}_{plane}", t1="t1_tse", t2="t2_tse", pd="pd_tse", stir="t2_tirm")
    | _told(
        "{contrast}_{plane}",
        in_phase="t1_fl2d_in",
        opposed_phase="t1_fl2d_opp",
        fat_fraction="qdixon_FF",
        mpr="t1_tse_mpr",
    )
    | _told("{contrast}", localizer="localizer", dwi_trace="ep2d_diff_b50_800_{plane}_TRACEW")
    | _told("{contrast}_{plane}_dark-fluid", flair="t2_tirm", t1_flair="t1_tirm"),
    planes=("tra", "cor", "sag", "{plane}_obl"),
    fat_suppressed="_fs",
    adiabatic="_spair",
    post_contrast="_KM",
    image_types={
        _IN: (*_ORIGINAL, "DIXON", "IN_PHASE"),
        _OPPOSED: (*_ORIGINAL, "DIXON", "OPP_PHASE"),
        _FRACTION: ("DERIVED", "PRIMARY", "DIXON", "FAT_FRACTION"),
        SeriesKind.DWI_TRACE: ("DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"),
        SeriesKind.MPR: ("DERIVED", "SECONDARY", "MPR", "CSA MPR", "", "CSAPARALLEL", "M"),
    },
    single_echo_name="*se2d1",
    train_word="tse",
    single_echo_word="se",
    pixel_bandwidth_hz=180.0,
    normalization_words=True,
)

_GE_OPTIONS = ("NPW", "TRF_GEMS", "FILTERED_GEMS")
_GE = Vendor(
    manufacturer="GE MEDICAL SYSTEMS",
    enhanced_manufacturer="GE MEDICAL SYSTEMS",
    models=((1.5, "SIGNA Artist"), (3.0, "DISCOVERY MR750w")),
    software=("29", "LX", "MR Software release:RX29.1"),
    enhanced_software=("30", "LX", "MR Software release:RX30.0"),
    readouts={
        _SPIN: ReadoutStyle(
            scanning_sequence=("SE",),
            sequence_variant=("SK", "OSP"),
            scan_options=_GE_OPTIONS,
            image_type=("OTHER",),
            private_name="fse-xl",
            flip_angle_deg=125.0,
        ),
        _INVERSION: ReadoutStyle(
            scanning_sequence=("SE", "IR"),
            sequence_variant=("SK", "OSP"),
            scan_options=_GE_OPTIONS,
            image_type=("OTHER",),
            private_name="fse-xl",
            flip_angle_deg=125.0,
        ),
        _GRADIENT: ReadoutStyle(
            scanning_sequence=("GR",),
            sequence_variant=("SS", "SP"),
            scan_options=("FAST_GEMS", "SEQ_GEMS"),
            image_type=("OTHER",),
            private_name="fgre",
            flip_angle_deg=70.0,
        ),
        _PLANAR: ReadoutStyle(
            scanning_sequence=("EP", "SE"),
            sequence_variant=("NONE",),
            scan_options=("EPI_GEMS", "PFF", "FS"),
            image_type=("OTHER",),
            private_name="epi2",
        ),
    },
    descriptions=_told("{plane} {contrast}", t1="T1 FSE", t2="T2 FSE", pd="PD FSE", stir="STIR", flair="T2 FLAIR")
    | _told(
        "{plane} {contrast}",
        t1_flair="T1 FLAIR",
        in_phase="IN PHASE",
        opposed_phase="OUT OF PHASE",
        fat_fraction="FatFrac",
    )
    | _told("{contrast}", localizer="3-Plane Loc", dwi_trace="{plane} DWI B800", mpr="REFORMATTED {plane}"),
    planes=("AX", "COR", "SAG", "OBL {plane}"),
    fat_suppressed=" FS",
    adiabatic=" ASPIR",
    post_contrast=" +C",
    image_types={
        _IN: ("DERIVED", "PRIMARY", "DIXON", "IN_PHASE"),
        _OPPOSED: ("DERIVED", "PRIMARY", "DIXON", "OUT_PHASE"),
        _FRACTION: ("DERIVED", "PRIMARY", "OTHER"),
        SeriesKind.MPR: ("DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"),
    },
    options_of_kind={
        SeriesKind.STIR: ("IR_GEMS",),
        SeriesKind.FLAIR: ("T2FLAIR_GEMS",),
        SeriesKind.T1_FLAIR: ("T1FLAIR_GEMS",),
        _IN: ("FLEX_GEMS",),
        _OPPOSED: ("FLEX_GEMS",),
    },
    bits_stored=16,
    signed=True,
    pixel_bandwidth_hz=195.312,
    zero_inversion_time=True,
)

_PHILIPS = Vendor(
    manufacturer="Philips Medical Systems",
    enhanced_manufacturer="Philips",
    models=((1.5, "Ingenia Ambition X"), (3.0, "Ingenia Elition X")),
    software=("5.6.1", "5.6.1.1"),
    enhanced_software=("11.1.0", "11.1.0.0"),
    readouts={
        _SPIN: ReadoutStyle(
            scanning_sequence=("SE",),
            sequence_variant=("SK",),
            scan_options=("OTHER",),
            image_type=("M_SE", "M", "SE"),
            private_name="TSE",
        ),
        _INVERSION: ReadoutStyle(
            scanning_sequence=("IR",),
            sequence_variant=("SK",),
            scan_options=("OTHER",),
            image_type=("M_IR", "M", "IR"),
            private_name="TIR",
        ),
        _GRADIENT: ReadoutStyle(
            scanning_sequence=("GR",),
            sequence_variant=("SS",),
            scan_options=("OTHER",),
            image_type=("M_FFE", "M", "FFE"),
            private_name="FFE",
            flip_angle_deg=15.0,
        ),
        _PLANAR: ReadoutStyle(
            scanning_sequence=("SE",),
            sequence_variant=("SK",),
            scan_options=("FS",),
            image_type=("M_SE", "M", "SE"),
            private_name="DwiSE",
        ),
    },
    descriptions=_told("{contrast}_TSE_{plane}", t1="T1W", t2="T2W", pd="PDW", stir="eSTIR", t1_flair="T1W_IR")
    | _told(
        "{contrast}_{plane}",
        flair="FLAIR_longTR",
        in_phase="mDIXON",
        opposed_phase="mDIXON",
        fat_fraction="mDIXON_Quant",
        mpr="MPR_T1W",
    )
    | _told("{contrast}", localizer="Survey", dwi_trace="DWI_3b_{plane}"),
    planes=("TRA", "COR", "SAG", "{plane}"),
    fat_suppressed="_SPIR",
    adiabatic="_SPAIR",
    post_contrast="_GD",
    image_types={
        _IN: ("DERIVED", "PRIMARY", "IP", "IP", "DERIVED"),
        _OPPOSED: ("DERIVED", "PRIMARY", "OP", "OP", "DERIVED"),
        _FRACTION: ("DERIVED", "PRIMARY", "FF", "FF", "DERIVED"),
        SeriesKind.MPR: ("DERIVED", "SECONDARY", "MPR", "M", "SE"),
    },
    pixel_bandwidth_hz=217.0,
    adiabatic_inversion_time_ms=110.0,
    train_word="TSE",
    private_scale=True,
)

_CANON = Vendor(
    manufacturer="CANON_MEC",
    enhanced_manufacturer="CANON_MEC",
    models=((1.5, "Vantage Orian"), (3.0, "Vantage Galan 3T")),
    software=("V6.0SP1001*",),
    enhanced_software=("V9.0SP0001*",),
    readouts={
        _SPIN: ReadoutStyle(
            scanning_sequence=("SE",),
            sequence_variant=("SK",),
            image_type=("OTHER",),
            sequence_name="FSE+{etl}_slt",
            flip_angle_deg=90.0,
        ),
        _INVERSION: ReadoutStyle(
            scanning_sequence=("SE", "IR"),
            sequence_variant=("SK", "MP"),
            image_type=("OTHER",),
            sequence_name="FIR+{etl}",
        ),
        _GRADIENT: ReadoutStyle(
            scanning_sequence=("GR",),
            sequence_variant=("SP",),
            image_type=("OTHER",),
            sequence_name="FE2D+4.6",
            flip_angle_deg=70.0,
        ),
        _PLANAR: ReadoutStyle(
            scanning_sequence=("SE", "EP"),
            sequence_variant=("NONE",),
            scan_options=("PFP", "FS"),
            image_type=("OTHER",),
            sequence_name="SEEPI2D+0.8",
        ),
    },
    descriptions=_told("{contrast} {plane}", t1="T1 FSE", t2="T2 FSE", pd="PD FSE", stir="STIR", flair="FLAIR")
    | _told(
        "{contrast} {plane}", t1_flair="T1 IR", in_phase="FE in", opposed_phase="FE out", fat_fraction="PDFF", mpr="MPR"
    )
    | _told("{contrast}", localizer="Locator", dwi_trace="DWI {plane} b800"),
    planes=("AX", "COR", "SAG", "{plane} obl"),
    fat_suppressed=" FatSat",
    adiabatic=" SPAIR",
    post_contrast=" CE GD",
    image_types={
        _IN: ("DERIVED", "PRIMARY", "IN_PHASE"),
        _OPPOSED: ("DERIVED", "PRIMARY", "OUT_PHASE"),
        _FRACTION: ("DERIVED", "PRIMARY", "FAT_FRACTION"),
        SeriesKind.LOCALIZER: (*_ORIGINAL, "LOCALIZER"),
        SeriesKind.MPR: ("DERIVED", "SECONDARY", "MPR"),
    },
    single_echo_name="SE+10",
    bits_stored=16,
    signed=True,
    pixel_bandwidth_hz=203.0,
    always_rescale=True,
)

_HITACHI = Vendor(
    manufacturer="Hitachi Medical Corporation",
    models=((0.3, "AIRIS Light"), (1.2, "OASIS"), (1.5, "ECHELON Smart")),
    software=("V5.1D",),
    readouts={
        _SPIN: ReadoutStyle(
            scanning_sequence=("SE",),
            sequence_variant=("SK", "OSP"),
            scan_options=("SP",),
            image_type=("OTHER",),
            sequence_name="FSE",
        ),
        _INVERSION: ReadoutStyle(
            scanning_sequence=("IR",),
            sequence_variant=("SK", "OSP"),
            scan_options=("SP",),
            image_type=("OTHER",),
            sequence_name="FIR",
        ),
        _GRADIENT: ReadoutStyle(
            scanning_sequence=("GR",),
            sequence_variant=("SP",),
            image_type=("OTHER",),
            sequence_name="RSSG",
            flip_angle_deg=40.0,
        ),
        _PLANAR: ReadoutStyle(
            scanning_sequence=("SE", "EP"),
            sequence_variant=("NONE",),
            scan_options=("FS",),
            image_type=("OTHER",),
            sequence_name="DW-EPI",
        ),
    },
    descriptions=_told("{contrast} {plane}", t1="T1", t2="T2", pd="PD", stir="STIR", flair="FLAIR", t1_flair="T1 IR")
    | _told("{contrast} {plane}", in_phase="In phase", opposed_phase="Out of phase", mpr="MPR", dwi_trace="DWI")
    | _told("{contrast} {plane}", fat_fraction="Fat fraction")
    | _told("{contrast}", localizer="3-PLANE SCOUT"),
    planes=("AX", "COR", "SAG", "{plane} OBL"),
    fat_suppressed=" FatSat",
    adiabatic=" H-Sinc FatSat",
    post_contrast=" GD",
    image_types={
        SeriesKind.MPR: ("DERIVED", "SECONDARY", "OTHER", "MPR"),
        _FRACTION: ("DERIVED", "PRIMARY", "OTHER"),
    },
    bits_stored=16,
    signed=True,
    zero_inversion_time=True,
)

VENDORS: Mapping[VendorName, Vendor] = {
    "siemens": _SIEMENS,
    "ge": _GE,
    "philips": _PHILIPS,
    "canon": _CANON,
    "hitachi": _HITACHI,
}
