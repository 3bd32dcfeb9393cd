"""A manifest is read as spreadsheets leave it; all that is wrong with it is told at once, and nothing of its words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.cohort.discovery import Discovery, find_studies
from marrowsignal.cohort.manifest import read_manifest
from marrowsignal.cohort.manifest_rows import read_manifest_rows
from marrowsignal.dicom import CaseKey, case_name
from marrowsignal.errors import InputError, UsageError
from tests.dicom.dicom_builder import SeriesSpec, stir_spec, uid, write_series

KEY = CaseKey(secret=b"test")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies "one" and "two", and "apart" whose STIR has a StudyInstanceUID of its own."""
    folder = tmp_path_factory.mktemp("studies")
    for name in ("one", "two"):
        for spec in (SeriesSpec(shape=(2, 6, 5)), stir_spec().but(shape=(2, 6, 5))):
            write_series(folder / "Müller, Jörg" / name, spec.but(study=name))
    write_series(folder / "apart t1", SeriesSpec(shape=(2, 6, 5), study="apart t1"))
    write_series(folder / "apart stir", stir_spec().but(shape=(2, 6, 5), study="apart stir"))
    (folder / "empty").mkdir()
    (folder / "mask.nii.gz").write_bytes(b"mask")
    return folder


def read(studies: Path, text: str | bytes) -> Discovery:
    file = studies / "manifest.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_manifest(file, key=KEY)


def wrong(studies: Path, text: str | bytes) -> list[str]:
    with pytest.raises(UsageError) as caught:
        read(studies, text)
    return [line.removeprefix("  - ") for line in caught.value.message.splitlines()[1:]]


PLAIN = """study,case,protocol,marrow,t1_uid,stir_uid
"Müller, Jörg/one",first,pelvis_sij,mask.nii.gz,1.2.3,1.2.4
"Müller, Jörg/two",second,,,,
"""


def test_a_row_says_all_that_analyze_would_be_told(studies: Path) -> None:
    sources = {source.case: source for source in read(studies, PLAIN).sources}
    one = sources["first"]
    assert one.paths == (str(studies / "Müller, Jörg/one"),)
    assert (one.protocol, one.marrow) == ("pelvis_sij", str(studies / "mask.nii.gz"))
    assert (one.t1_uid, one.stir_uid, one.study_instance_uid) == ("1.2.3", "1.2.4", uid("one"))
    assert (one.files, one.problem) == (4, None)
    assert [source.key for source in read(studies, PLAIN).sources] == sorted(source.key for source in sources.values())


SPREADSHEETS = {
    "mark": PLAIN.encode("utf-8-sig"),
    "returns": PLAIN.replace("\n", "\r\n").encode(),
    "semicolons": PLAIN.replace(",", ";").replace("Müller; Jörg", "Müller, Jörg").encode(),
    "tabs": PLAIN.replace(",", "\t").replace("Müller\t Jörg", "Müller, Jörg").encode("utf-16"),
    "windows": PLAIN.replace(",", ";").replace("Müller; Jörg", "Müller, Jörg").encode("cp1252"),
    "announced": ("sep=;\r\n" + PLAIN.replace(",", ";").replace("Müller; Jörg", "Müller, Jörg")).encode(),
    "blank": PLAIN.replace("\n", "\n,,,,,\n\n  ,\n").encode(),
    "quoted": "\n".join('"' + line.replace('"', "").replace(",", '","') + '"' for line in PLAIN.splitlines())
    .replace('Müller"," Jörg', "Müller, Jörg")
    .encode(),
    "names": PLAIN.replace("study,case", " Study , CASE").replace("t1_uid", "T1 UID").encode(),
    "slashes": PLAIN.replace("/", "\\").encode(),
    "empty columns": PLAIN.replace("stir_uid", "stir_uid,,").encode(),
}


@pytest.mark.parametrize("text", SPREADSHEETS.values(), ids=SPREADSHEETS.keys())
def test_habits_of_spreadsheets_change_nothing(studies: Path, text: bytes) -> None:
    assert read(studies, text) == read(studies, PLAIN)


def test_without_a_case_a_study_is_the_one_that_a_folder_gives(studies: Path) -> None:
    (source,) = read(studies, 'study\n"Müller, Jörg/one"\n').sources
    (found,) = find_studies([studies / "Müller, Jörg/one"], key=KEY).sources
    assert (source.key, source.study_instance_uid) == (found.key, found.study_instance_uid)
    assert source.key == case_name(str(uid("one")), key=KEY)


def test_t1_and_stir_of_two_studies_are_one_row(studies: Path) -> None:
    (source,) = read(studies, "study,study2\napart t1,apart stir\n").sources
    assert source.paths == (str(studies / "apart t1"), str(studies / "apart stir"))
    assert (source.study_instance_uid, source.files, source.problem) == (None, 4, None)
    (again,) = read(studies, "study2,study\napart t1,apart stir\n").sources
    assert again.key == source.key


def test_what_holds_no_dicom_is_a_study_with_a_problem(studies: Path) -> None:
    (source,) = read(studies, "study\nempty\n").sources
    assert source.problem == "there is no DICOM at the path of the study"
    (source,) = read(studies, "study\nmask.nii.gz\n").sources
    assert source.problem == "the file cannot be read as DICOM"


def test_all_that_is_wrong_is_told_at_once_and_no_cell_repeated(studies: Path) -> None:
    text = """study,study2,case,protocol,marrow,t1_uid
nowhere/Jane,,Jane Doe,,,
,,ok,nothing_like_it,empty,1.2E+30
empty,nowhere/Jane,OK,,,
empty,,cohort,,,,surplus
"""
    told = wrong(studies, text)
    assert [line.split(":")[0] for line in told] == [
        "row 2, column study",
        "row 2, column case",
        "row 3, column study",
        "row 3, column protocol",
        "row 3, column marrow",
        "row 3, column t1_uid",
        "row 4, column study2",
        "row 4, column case",
        "row 5",
        "row 5, column case",
    ]
    assert not any(word in "".join(told) for word in ("Jane", "nowhere", "nothing_like_it", "surplus", str(studies)))
    assert told[7] == "row 4, column case: row 3 has the same one"


def test_one_study_in_two_rows_needs_two_cases(studies: Path) -> None:
    rows = '"Müller, Jörg/one",{}\n"Müller, Jörg/one",{}\n'
    assert wrong(studies, "study,case\n" + rows.format("", "")) == [
        "row 3: it is the study of row 2; give each a case of its own"
    ]
    assert len(read(studies, "study,case\n" + rows.format("reader_a", "reader_b")).sources) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("study,marow\none,\n", "row 1: the name of column 2 is not known"),
        ("study,study\none,\n", "row 1: column study is there twice"),
        ("case\none\n", "row 1: there is no column study"),
        ("", "row 1: there is no column study"),
        ("study\n\n", "there is no row below the header"),
    ],
)
def test_a_header_that_is_not_understood_is_refused(studies: Path, text: str, told: str) -> None:
    assert wrong(studies, text) == [told]


def test_what_is_no_csv_is_told(studies: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(studies / "none.csv", key=KEY)
    with pytest.raises(InputError, match="no CSV"):
        read(studies, 'study\n"one')


@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(studies: Path, data: bytes) -> None:
    file = studies / "any.csv"
    file.write_bytes(b"study\n" + data)
    try:
        read_manifest_rows(file)
    except (InputError, UsageError) as error:
        assert str(studies) not in str(error)


def test_a_shard_takes_its_rows_only(studies: Path) -> None:
    (studies / "manifest.csv").write_text(PLAIN, encoding="utf-8")
    parts = [read_manifest(studies / "manifest.csv", key=KEY, shard=(number, 3)).sources for number in (1, 2, 3)]
    assert sorted(source.case or "" for part in parts for source in part) == ["first", "second"]
