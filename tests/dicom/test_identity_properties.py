"""What must hold for every header: physics beats text, windows bind, irrelevant fields change nothing."""

from __future__ import annotations

import dataclasses
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.dicom.contrasts.identify import Identification, identify
from marrowsignal.dicom.contrasts.series_words import read_words
from marrowsignal.dicom.headers.slice_header import SliceHeader, read_slice_headers
from marrowsignal.dicom.records import SeriesIdentity as Id
from marrowsignal.protocol.series_rules_file import default_series_rules
from tests.dicom.dicom_builder import SeriesSpec, dataset_of
from tests.dicom.identity_table import rows

RULES = default_series_rules()
MEASURED = (Id.T1, Id.STIR)

texts = st.one_of(st.sampled_from([row.description for row in rows()]), st.text(max_size=40))
names = st.one_of(st.none(), st.sampled_from(sorted({name for row in rows() for name in row.names})))
milliseconds = st.one_of(st.none(), st.floats(0.5, 12000.0).map(lambda value: round(value, 1)))
fields_t = st.one_of(st.none(), st.sampled_from([0.2, 0.3, 0.55, 1.0, 1.5, 3.0, 7.0]))
facts = st.fixed_dictionaries(
    {
        "scanning_sequence": st.lists(st.sampled_from(["SE", "IR", "GR", "EP", "RM"]), unique=True, max_size=3).map(
            tuple
        ),
        "scan_options": st.lists(st.sampled_from(["FS", "IR", "IR_GEMS", "PFP"]), unique=True, max_size=2).map(tuple),
        "sequence_name": names,
        "repetition_time_ms": milliseconds,
        "echo_time_ms": milliseconds,
        "inversion_time_ms": milliseconds,
        "echo_train_length": st.one_of(st.none(), st.integers(1, 300)),
        "magnetic_field_strength_t": fields_t,
    }
)


@pytest.fixture(scope="module")
def slice_header(tmp_path_factory: pytest.TempPathFactory) -> SliceHeader:
    file = tmp_path_factory.mktemp("header") / "slice.dcm"
    dataset_of(SeriesSpec(), 0).save_as(file, enforce_file_format=True)
    (header,) = read_slice_headers(file)
    return header


def but(header: SliceHeader, description: str = "", **changes: object) -> SliceHeader:
    acquisition = dataclasses.replace(header.acquisition, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(header, description=description, acquisition=acquisition)


def told(header: SliceHeader) -> Identification:
    return identify(header, 1, RULES)


@given(
    description=texts,
    tr=st.floats(1500, 9000),
    te=st.floats(10, 120),
    ti=st.one_of(st.none(), st.floats(60, 320)),
    name=st.sampled_from([None, "*tse2d1_13", "*tseR2d1rr13", "FSE+15_nBW_slt", "fse"]),
)
def test_no_description_turns_spectral_suppression_into_stir(
    slice_header: SliceHeader, description: str, tr: float, te: float, ti: float | None, name: str | None
) -> None:
    header = but(
        slice_header,
        description,
        scanning_sequence=("SE",),
        scan_options=("FS",),
        sequence_name=name,
        repetition_time_ms=tr,
        echo_time_ms=te,
        inversion_time_ms=ti,
        echo_train_length=9,
    )
    assert told(header).identity not in MEASURED


@given(description=texts, changes=facts)
def test_no_description_turns_a_gradient_echo_into_a_spin_echo(
    slice_header: SliceHeader, description: str, changes: dict[str, object]
) -> None:
    header = but(slice_header, description, **{**changes, "scanning_sequence": ("GR", "IR")})
    assert told(header).identity not in MEASURED


@given(description=texts, protocol=texts, changes=facts)
def test_t1_and_stir_lie_inside_their_windows(
    slice_header: SliceHeader, description: str, protocol: str, changes: dict[str, object]
) -> None:
    header = dataclasses.replace(but(slice_header, description, **changes), protocol_name=protocol)
    known, facts = told(header), header.acquisition
    assert known.reasons
    assert known.reasons[0].endswith(".")
    if known.identity not in MEASURED:
        return
    band = RULES.band(facts.magnetic_field_strength_t)
    assert known.score >= 0.7
    assert known.margin >= 0.2
    if known.identity is Id.T1:
        assert not known.fat_suppressed
        assert "IR" not in facts.scanning_sequence
        assert facts.inversion_time_ms is None or not (facts.scan_options or facts.inversion_time_ms)
        assert band.t1_repetition_time.credit(facts.repetition_time_ms, 0.5) > 0
        assert RULES.timing.t1_echo_time.credit(facts.echo_time_ms, 0.5) > 0
    else:
        assert RULES.timing.stir_repetition_time.credit(facts.repetition_time_ms, 0.5) > 0
        assert RULES.timing.stir_echo_time.credit(facts.echo_time_ms, 0.5) > 0
        if facts.inversion_time_ms is not None:
            assert band.stir_inversion_time.credit(facts.inversion_time_ms, 0.5) > 0


@given(
    description=texts,
    changes=facts,
    series_number=st.one_of(st.none(), st.integers(0, 9999)),
    manufacturer=st.sampled_from(["SIEMENS", "GE MEDICAL SYSTEMS", "", "???"]),
    age=st.one_of(st.none(), st.floats(0, 120)),
)
def test_fields_that_tell_nothing_change_nothing(
    slice_header: SliceHeader,
    description: str,
    changes: dict[str, object],
    series_number: int | None,
    manufacturer: str,
    age: float | None,
) -> None:
    header = but(slice_header, description, **changes)
    other = dataclasses.replace(
        but(header, description, manufacturer=manufacturer, patient_age_y=age, body_part_examined="KNEE"),
        series_number=series_number,
        series_instance_uid="2.25.1",
        acquired_at="20200101120000",
        position_mm=(1.0, 2.0, 3.0),
    )
    assert told(header) == told(other)


@given(changes=facts, data=st.data())
def test_the_order_of_codes_does_not_matter(
    slice_header: SliceHeader, changes: dict[str, object], data: st.DataObject
) -> None:
    header = but(slice_header, "t1", **changes)
    codes = data.draw(st.permutations(header.acquisition.scanning_sequence))
    options = data.draw(st.permutations(header.acquisition.scan_options))
    other = but(header, "t1", scanning_sequence=tuple(codes), scan_options=tuple(options))
    assert told(header).identity is told(other).identity


def test_walking_out_of_the_window_ends_in_unknown(slice_header: SliceHeader) -> None:
    """From a clear T1 to a clear PD there is a gap where nothing is called either."""
    plain = {"scanning_sequence": ("SE",), "echo_time_ms": 20.0, "sequence_name": None}
    called = [told(but(slice_header, repetition_time_ms=float(tr), **plain)).identity for tr in range(300, 1700, 20)]
    assert called[0] is Id.T1
    assert called[-1] is Id.PD
    assert Id.UNKNOWN in called
    changes = [one for one, following in itertools.pairwise(called) if one is not following]
    assert changes == [Id.T1, Id.UNKNOWN]


@pytest.mark.parametrize("ti", [None, 110.0, 150.0])
def test_fat_suppression_is_noted_on_the_identification(slice_header: SliceHeader, ti: float | None) -> None:
    known = told(but(slice_header, "T1", scan_options=("FS",), inversion_time_ms=ti))
    assert known.fat_suppressed
    assert known.identity is Id.T1_FAT_SUPPRESSED


@pytest.mark.parametrize(("echo_times", "identity"), [(1, Id.T1), (2, Id.T1), (3, Id.UNKNOWN), (12, Id.UNKNOWN)])
def test_one_of_many_echoes_is_no_t1(slice_header: SliceHeader, echo_times: int, identity: Id) -> None:
    known = identify(slice_header, 1, RULES, echo_times_in_series=echo_times)
    assert known.identity is identity
    assert ("relaxation" in known.reasons[0]) is (identity is Id.UNKNOWN)


@pytest.mark.parametrize(
    ("contrast", "codes", "changes", "identity"),
    [
        ("T1", ("SE",), {}, Id.T1),
        (
            "STIR",
            ("SE", "IR"),
            {"repetition_time_ms": 4000.0, "echo_time_ms": 60.0, "inversion_time_ms": 150.0},
            Id.STIR,
        ),
        ("STIR", ("SE",), {"repetition_time_ms": 4000.0, "echo_time_ms": 60.0}, Id.T2),
        ("FLUID_ATTENUATED", ("SE", "IR"), {"repetition_time_ms": 9000.0, "inversion_time_ms": 2400.0}, Id.FLAIR),
        ("DIFFUSION", ("SE",), {}, Id.DIFFUSION),
    ],
)
def test_enhanced_acquisition_contrast_is_a_witness_but_no_proof(
    slice_header: SliceHeader, contrast: str, codes: tuple[str, ...], changes: dict[str, object], identity: Id
) -> None:
    header = but(slice_header, scanning_sequence=codes, sequence_name=None, **changes)
    enhanced = dataclasses.replace(
        header, enhanced=True, acquisition_contrast=contrast, inversion_recovery="IR" in codes, fat_suppressed=False
    )
    assert told(enhanced).identity is identity


def test_a_text_of_the_longest_kind_is_read_at_once(slice_header: SliceHeader) -> None:
    hostile = ["t1 " * 90, "sat de la " * 26, "post " * 60, "\u200b" * 256, "с" * 256, "fettfett" * 32]
    for text in hostile:
        header = dataclasses.replace(but(slice_header, text), protocol_name=text, contrast_agent=text)
        started = time.perf_counter()
        read_words(header, RULES.text)
        assert time.perf_counter() - started < 1.0
