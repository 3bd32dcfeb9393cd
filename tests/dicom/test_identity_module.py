"""What may leave, what is taken out of free texts, and names of cases."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from pydicom.datadict import dictionary_VR, tag_for_keyword

from marrowsignal.cli.inspection import SeriesEntry
from marrowsignal.dicom import CaseKey, case_key, case_name, find_series
from marrowsignal.dicom.privacy.allow_list import (
    FREE_TEXTS,
    MAY_LEAVE,
    REDACTED,
    SECRET_DATES,
    SECRET_IDENTIFIERS,
    SECRET_NAMES,
    Output,
    Secrets,
    age_that_may_leave,
)
from marrowsignal.dicom.privacy.case_name import CASE_KEY_VARIABLE, KEY_FILE
from marrowsignal.dicom.privacy.kept_words import KEPT_WORDS
from marrowsignal.errors import DicomError, OutputError
from marrowsignal.results.acquired_models import AcquisitionDocument, SeriesDocument
from tests.dicom.dicom_builder import SeriesSpec, write_series

R = REDACTED
WHO = Secrets.of(
    names=[
        "Xqzvornik^Wilhelmine^^Dr.=王^小明=わん^しゃおみん",
        "Müller-Lüdenscheidt^Bo",
        "Li^Na",
        "O'Neil^Pat",
        "Stir^Knee",
        "Kim^Minsoo=金^民秀=김^민수",
        "ﾔﾏﾀﾞ^ﾀﾛｳ",
        "विल्हेल्मिना",
        "Иванов",
        "MEIER0042",
    ],
    identifiers=["H-00471193", "7", "AB12C"],
    dates=["19470203"],
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("t1_tse_cor", "t1_tse_cor"),
        ("t1_xqzvornik_COR", f"t1_{R}_COR"),
        ("WilhelmineT1", f"{R}T1"),
        ("Xqzvornïk e\u0301", f"{R} e\u0301"),
        ("Xqz\u200bvor\x00nik", R),
        ("STIR KNEE cor", "STIR KNEE cor"),
        ("muller LUEDENSCHEIDT Lu\u0308denscheidt", f"{R} {R} {R}"),
        ("Bo Lüdenscheidt", R),
        ("LiNa li_na NA^LI", f"{R} {R} {R}"),
        ("linac sinaloa", "linac sinaloa"),
        ("PatCor pat, Patella", f"{R}Cor {R}, Patella"),
        ("oneil O'NEIL", f"{R} {R}"),
        ("王小明膝 小明", f"{R}膝 {R}"),
        ("しゃおみん", R),
        ("김민수 knee, t1 민수", f"{R} knee, t1 {R}"),
        ("ﾔﾏﾀﾞ ヤマダ タロウ", f"{R} {R} {R}"),
        ("विल्हेल्मिना t1", f"{R} t1"),
        ("ИВАНОВ", R),
        ("meier MEIER0042 0042", f"{R} {R} 0042"),
        ("t1 for a cut Xqzvo", f"t1 for a cut {R}"),
        ("Xqzvo t1", "Xqzvo t1"),
        ("H-00471193 h00471193 471193 0047-1193", f"{R} {R} {R} {R}"),
        ("id7 7 AB12C xab12c", f"id7 7 {R} xab12c"),
        ("19470203 1947-02-03 3.2.1947 03/02/47 2/3/1947 030247 470203", " ".join([R] * 7)),
        ("3. Februar 1947, Feb 3 1947, 1947年2月3日", f"{R}, {R}, {R}"),
        ("scanned 20240506 or 6.5.2024", f"scanned {R} or {R}"),
        ("TR 2000 TE 1947 20251399", "TR 2000 TE 1947 20251399"),
        ("1.2.840.113619.2.55.3 version 2.10.1", f"{R} version 2.10.1"),
        ("", ""),
    ],
)
def test_secrets_are_taken_out_and_words_of_a_protocol_stay(text: str, told: str) -> None:
    assert WHO.redact(text) == told


@pytest.mark.parametrize("word", sorted(KEPT_WORDS))
def test_a_patient_named_like_a_sequence_or_a_bone_changes_nothing(word: str) -> None:
    secrets = Secrets.of(names=[f"{word}^{word.title()}", word], identifiers=[word])
    assert secrets.redact(f"{word} {word.upper()}_t1") == f"{word} {word.upper()}_t1"


@given(st.text(max_size=80), st.text(max_size=40), st.text(max_size=20), st.text(max_size=12))
def test_any_texts_can_be_redacted(text: str, name: str, identifier: str, date: str) -> None:
    secrets = Secrets.of(names=[name], identifiers=[identifier], dates=[date])
    told = secrets.redact(text)
    assert secrets.redact(told) == told or REDACTED in told


@given(
    st.text("abcdefghijklmnopqrstuvwxyzäöüßéñşł", min_size=3, max_size=30).filter(
        lambda t: t.casefold() not in KEPT_WORDS
    )
)
def test_no_name_stays_beside_other_words(name: str) -> None:
    secrets = Secrets.of(names=[f"{name}^Q"])
    for spelling in (name, name.upper(), name.title()):
        assert secrets.redact(f"t1_{spelling}_80") == f"t1_{R}_80"


def test_secrets_do_not_show_themselves() -> None:
    assert "vornik" not in repr(WHO).lower()
    assert Secrets.of(names=["A^B"]) is Secrets.of(names=["A^B"])


@pytest.mark.parametrize(("years", "told"), [(None, None), (0.5, 0.5), (89.0, 89.0), (89.9, 90.0), (103.0, 90.0)])
def test_ages_over_89_are_told_as_90(years: float | None, told: float | None) -> None:
    assert age_that_may_leave(years) == told


def test_the_lists_name_elements_of_the_standard() -> None:
    for keyword in (*MAY_LEAVE, *SECRET_NAMES, *SECRET_IDENTIFIERS, *SECRET_DATES):
        assert tag_for_keyword(keyword) is not None, keyword
    assert {dictionary_VR(k) for k in SECRET_NAMES} == {"PN"}
    assert {dictionary_VR(k) for k in SECRET_DATES} == {"DA"}


def test_nothing_that_names_or_dates_may_leave() -> None:
    assert not set(MAY_LEAVE) & {*SECRET_NAMES, *SECRET_IDENTIFIERS, *SECRET_DATES}
    for keyword, outputs in MAY_LEAVE.items():
        vr = dictionary_VR(keyword)
        assert vr not in ("PN", "DA", "DT", "TM", "LT", "ST", "UT"), keyword
        assert (vr in ("LO", "SH")) <= (keyword in FREE_TEXTS), keyword
        assert (vr == "UI" and keyword != "TransferSyntaxUID") == (outputs == {Output.INSPECT}), keyword


# What the forms hold beside values of elements: how many, what it is, why.
_OUR_OWN = {
    "identity", "identity_score", "identity_margin", "runner_up", "evidence", "usable", "reasons", "why_not_used",
    "orientation", "slices", "spacing_mm", "files", "findings", "acquisition", "post_contrast", "fat_suppressed",
    "stack", "number",
}  # fmt: skip
_WORDED = {"description": "SeriesDescription", "transfer_syntax": "TransferSyntaxUID"}
_UNITS = ("_ms", "_mm", "_t", "_y")


def _keyword(field: str) -> str:
    stem = next((field.removesuffix(unit) for unit in _UNITS if field.endswith(unit)), field)
    return _WORDED.get(field, "".join(part.title() for part in stem.split("_"))).replace("Uid", "UID")


@pytest.mark.parametrize(
    ("form", "output"),
    [(AcquisitionDocument, Output.CASE), (SeriesDocument, Output.CASE), (SeriesEntry, Output.INSPECT)],
)
def test_every_field_of_the_outputs_is_on_the_list(form: type[BaseModel], output: Output) -> None:
    for field in set(form.model_fields) - _OUR_OWN:
        assert output in MAY_LEAVE.get(_keyword(field), ()), field


@pytest.fixture(autouse=True)
def no_key_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CASE_KEY_VARIABLE, raising=False)


def test_a_study_has_one_name_in_a_folder_and_another_in_every_other(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "new" / "two"
    name = case_name("1.2.3", key=case_key(one))
    assert len(name) == 12 and set(name) <= set("0123456789abcdef")
    assert case_name("1.2.3 ", key=case_key(one)) == name != case_name("1.2.4", key=case_key(one))
    assert case_name("1.2.3", key=case_key(two)) != name
    assert case_name("1.2.3", key=CaseKey.random()) != case_name("1.2.3", key=CaseKey.random())
    assert [p.name for p in one.iterdir()] == [KEY_FILE]


def test_a_study_without_uid_has_no_name() -> None:
    with pytest.raises(DicomError, match="--case"):
        case_name(" ", key=CaseKey.random())


def test_a_sites_own_key_counts_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CASE_KEY_VARIABLE, "a site's secret")
    assert case_key(tmp_path / "a") == case_key(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_key_does_not_show_itself(tmp_path: Path) -> None:
    key = case_key(tmp_path)
    assert repr(key.secret) not in repr(key)
    assert key.secret.hex() == (tmp_path / KEY_FILE).read_text().strip()


@pytest.mark.skipif(os.name != "posix", reason="permission bits are a POSIX thing")
def test_the_key_is_its_owners_and_a_shared_one_is_told(tmp_path: Path) -> None:
    assert case_key(tmp_path).findings == ()
    file = tmp_path / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    (finding,) = case_key(tmp_path).findings
    assert finding.code == "case_key_exposed"
    assert str(tmp_path) not in finding.message


@pytest.mark.parametrize("content", [b"", b"not hex", b"ab" * 31, b"ab" * 33, b"\xff\xfe\x00", b"ab" * 100_000])
def test_a_damaged_key_is_an_error_not_a_new_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(OutputError, match="case_key_damaged") as caught:
        case_key(tmp_path)
    assert str(tmp_path) not in str(caught.value)
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_a_key_that_cannot_be_read_or_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder" / KEY_FILE).mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / KEY_FILE).symlink_to(tmp_path / "nowhere")
    for out in ("folder", "file", "link"):
        with pytest.raises(OutputError, match="case_key_unreadable") as caught:
            case_key(tmp_path / out)
        assert str(tmp_path) not in str(caught.value)


def test_those_who_make_the_key_at_once_agree(tmp_path: Path) -> None:
    for folder in (tmp_path / str(n) for n in range(20)):
        start = Barrier(6)

        def key_of(_worker: int, folder: Path = folder, start: Barrier = start) -> CaseKey:
            start.wait()
            return case_key(folder)

        with ThreadPoolExecutor(6) as workers:
            keys = set(workers.map(key_of, range(6)))
        assert keys == {case_key(folder)}
        assert [path.name for path in folder.iterdir()] == [KEY_FILE]


def test_a_key_that_came_in_between_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = case_key(tmp_path)
    monkeypatch.setattr(os.path, "lexists", lambda _file: False)
    assert case_key(tmp_path) == first
    monkeypatch.setattr(os, "link", _no_links)
    assert case_key(tmp_path) == first
    assert case_key(tmp_path / "drive without links") == case_key(tmp_path / "drive without links")


def _no_links(*_files: Path) -> None:
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize(("said", "told"), [("YES", True), ("NO", False), (None, False)])
def test_text_in_the_pixels_is_told(tmp_path: Path, said: str | None, told: bool) -> None:
    write_series(tmp_path, SeriesSpec().with_header(BurnedInAnnotation=said))
    (series,) = find_series(tmp_path).series
    assert ("burned_in_annotation" in {finding.code for finding in series.findings}) is told


@pytest.mark.parametrize(("age", "told"), [("094Y", 90.0), ("089Y", 89.0), ("018M", 1.5)])
def test_the_age_read_is_the_age_that_may_leave(tmp_path: Path, age: str, told: float) -> None:
    write_series(tmp_path, SeriesSpec().with_header(PatientAge=age))
    assert find_series(tmp_path).series[0].acquisition.patient_age_y == told
