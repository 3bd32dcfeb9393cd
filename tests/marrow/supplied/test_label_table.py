"""Label tables of other programs say the same as ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.errors import MaskError
from marrowsignal.marrow.supplied import NamedLabel, read_label_table
from marrowsignal.marrow.supplied.bone_names import BoneNames, bare_name
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import RegionSpec

SNAP = """################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "sacrum"
    2     0  255    0      0.5  1  1    "Left ilium"
"""
CTBL = "# Color table file\n0 Background 0 0 0 0\n1 sacrum 221 130 101 255\n2 Left_ilium 144 238 144 255\n"
CTBL_CSV = (
    "LabelValue,Name,Color_R,Color_G,Color_B,Color_A,Type_CodingScheme,Type_CodeValue,TypeModifier_CodeMeaning\n"
    "1,sacrum,1,2,3,255,SCT,54735007,\n2,Left ilium,1,2,3,255,SCT,22356005,Left\n"
)
OURS_TSV = (
    "index\tname\tkey\tside\tcode\tvolume_ml\tcolor\n"
    "1\tsacrum\tsacrum\tnone\t54735007\t80.1\t#F23D3D\n2\tLeft ilium\tilium\tleft\t22356005\tn/a\t#3DF24F\n"
)
OURS_JSON = (
    '{"background": 0, "labels": [{"index": 1, "name": "sacrum", "key": "sacrum", "side": "none", "code": "54735007"},'
    ' {"index": 2, "name": "Left ilium", "key": "ilium", "side": "left", "code": "22356005"}]}'
)
NNUNET = '{"channel_names": {"0": "T1"}, "labels": {"background": 0, "sacrum": 1, "Left ilium": 2}, "numTraining": 5}'
BY_VALUE = '{"1": "sacrum", "2": "Left ilium"}'
DCMQI = """{"segmentAttributes": [[
  {"labelID": 1, "SegmentLabel": "sacrum", "SegmentedPropertyTypeCodeSequence": {"CodeValue": "54735007"}},
  {"labelID": 2, "SegmentLabel": "Left ilium", "SegmentedPropertyTypeCodeSequence": {"CodeValue": "22356005"},
   "SegmentedPropertyTypeModifierCodeSequence": {"CodeValue": "7771000", "CodeMeaning": "Left"}}]]}"""
LINES = "1: sacrum\n2 = Left ilium\n"


def table(folder: Path, text: str) -> tuple[NamedLabel, ...]:
    path = folder / "table"
    path.write_text(text, encoding="utf-8")
    return read_label_table(path)


@pytest.mark.parametrize(
    ("text", "by_program"),
    [
        (NNUNET, True),
        (DCMQI.replace('{"labelID"', '{"SegmentAlgorithmType": "AUTOMATIC", "labelID"'), True),
        (DCMQI, False),
        (SNAP, False),
        (BY_VALUE, False),
        (OURS_JSON, False),
    ],
)
def test_names_of_a_segmenter_are_told_from_those_of_a_person(tmp_path: Path, text: str, *, by_program: bool) -> None:
    assert {label.by_program for label in table(tmp_path, text)} == {by_program}


@pytest.mark.parametrize("text", [SNAP, CTBL, CTBL_CSV, OURS_TSV, OURS_JSON, NNUNET, BY_VALUE, DCMQI, LINES])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_form_names_the_same_bones(tmp_path: Path, text: str, ending: str) -> None:
    names = bones("pelvis_sij")
    read = table(tmp_path, text.replace("\n", ending))
    assert [(label.value, names.region_of(label)) for label in read] == [(1, "sacrum"), (2, "ilium:left")]


def test_codes_and_sides_are_kept(tmp_path: Path) -> None:
    for text in (CTBL_CSV, OURS_TSV, OURS_JSON, DCMQI):
        assert [(one.codes, one.side) for one in table(tmp_path, text)] == [
            (("54735007",), ""),
            (("22356005",), "left"),
        ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no numbers here\n",
        "{",
        "[[[[",
        '{"labels": 5}',
        "0 background\n",
        "a,b\n1,2\n",
        "99999999999999999999 femur\n",
        "1" + " " * 50_000,
    ],
)
def test_a_table_that_names_nothing_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(MaskError) as caught:
        table(tmp_path, text)
    assert caught.value.code == "label_table_unreadable"
    assert str(tmp_path) not in str(caught.value)


def test_one_value_of_two_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="value 3 more than once"):
        table(tmp_path, "3 sacrum\n3 femur\n")


def test_a_label_map_given_as_its_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(b"\x1f\x8b\0\0")
    with pytest.raises(MaskError, match="not the label map"):
        read_label_table(tmp_path / "table")


@settings(max_examples=30)
@given(st.text(max_size=300))
def test_no_text_is_a_crash(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        assert all(label.value > 0 for label in read_label_table(path))
    except MaskError as error:
        assert error.code == "label_table_unreadable"


def bones(protocol: str) -> BoneNames:
    rules = load_protocol(protocol)
    return BoneNames.of((*rules.regions, *rules.other_bones))


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("hip_left", "ilium:left"),
        ("hip_right", "ilium:right"),
        ("Hip bone, R", "ilium:right"),
        ("Os coxae dexter", "ilium:right"),
        ("LeftIlium", "ilium:left"),
        ("ilium:left", "ilium:left"),
        ("femur_right", "femur:right"),
        ("Femur L", "femur:left"),
        ("sacrum", "sacrum"),
        ("Os_sacrum", "sacrum"),
        ("vertebrae_L5", "l5"),
        ("L5", "l5"),
        ("L 4", "l4"),
        ("L5 vertebral body", "l5"),
        ("vertebra", "vertebra"),
        ("Kreuzbein", "sacrum"),
        ("gluteus_maximus_left", None),
        ("left", None),
        ("marrow", None),
        ("", None),
    ],
)
def test_names_of_other_programs_are_regions_of_ours(words: str, key: str | None) -> None:
    assert bones("pelvis_sij").region_of(NamedLabel(value=1, name=words)) == key


def test_a_code_counts_more_than_words() -> None:
    label = NamedLabel(value=1, name="ROI 7", codes=("14016003", "54735007"), side="left")
    assert bones("pelvis_sij").region_of(label) == "sacrum:left"


def test_a_level_the_protocol_does_not_know_is_the_bone_that_holds_it() -> None:
    names = BoneNames.of((RegionSpec(key="sacrum", name="sacrum"), RegionSpec(key="vertebra", name="vertebra")))
    assert names.region_of(NamedLabel(value=1, name="vertebrae_S1")) == "sacrum"
    assert names.region_of(NamedLabel(value=1, name="vertebrae_T12")) == "vertebra"


@settings(max_examples=50)
@given(st.text(max_size=100))
def test_a_name_is_one_printable_line_and_no_key(text: str) -> None:
    name = bare_name(text)
    assert (name.isprintable() or not name) and ":" not in name and len(name) <= 64 and name == name.strip()
