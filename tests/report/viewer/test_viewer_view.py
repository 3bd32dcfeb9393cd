from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.quality.records import Consequence, GateState, QualityReport
from marrowsignal.report.viewer import viewer_view
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import HOSTILE, build_gate, build_result, coronal_geometry, without_lesions


def content(result: StudyResult) -> dict[str, Any]:
    return json.loads(viewer_view(result).data)


def label_maps(data: dict[str, Any]) -> dict[str, np.ndarray]:
    """Labels of each layer as shown, read back from the page's pictures."""
    kinds = np.array(data["kinds"])
    slices = []
    for uri in data["labels"]:
        stacked = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))).astype(int)
        low, high = np.split(stacked, 2)
        slices.append(low + 256 * high)
    joined = np.stack(slices)
    return {layer["key"]: kinds[joined, at] for at, layer in enumerate(data["layers"])}


def test_labels_are_read_back_as_they_were() -> None:
    result = build_result()
    maps = label_maps(content(result))
    expected = {
        "marrow": result.marrow.labels.mask,
        "region": result.regions.labels.array,
        "lesion": result.signals.lesion_labels.array,
        "tissue": result.references.labels.array,
    }
    assert maps.keys() == expected.keys()
    for key, array in expected.items():
        # Slices run to the back, rows to the feet, columns to the left: shown as stored, cropped to the body.
        for value in range(1, int(array.max()) + 1):
            assert ((maps[key] == value).sum(axis=(1, 2)) == (array == value).sum(axis=(1, 2))).all()


def test_more_combinations_than_a_byte_holds_are_read_back() -> None:
    result = build_result()
    regions = result.regions.labels.array
    many = np.where(regions > 0, np.arange(regions.size, dtype=np.uint16).reshape(regions.shape) % 3000 + 1, 0)
    volume = LabelVolume(array=many.astype(np.uint16), geometry=coronal_geometry())
    maps = label_maps(content(replace(result, signals=replace(result.signals, lesion_labels=volume))))
    assert (np.bincount(maps["lesion"].ravel(), minlength=3001)[1:] == np.bincount(many.ravel())[1:]).all()


def test_a_target_names_a_voxel_inside_itself() -> None:
    result = build_result()
    data = content(result)
    maps = label_maps(data)
    assert [target["key"] for target in data["targets"]] == ["lesion-1", "region-1", "region-2", "region-3"]
    for target in data["targets"]:
        layer = maps[target["layer"]]
        inside = np.isin(layer, target["values"])
        assert inside[target["slice_index"], target["row"], target["column"]]
        area = inside.sum(axis=(1, 2))
        assert area[target["slice_index"]] == area.max()
        filled = np.flatnonzero(area)
        assert (target["first_slice"], target["last_slice"]) == (filled[0], filled[-1])


def test_the_patient_point_of_a_target_is_that_of_its_voxel() -> None:
    result = build_result()
    data = content(result)
    (lesion,) = result.signals.lesions
    target = data["targets"][0]
    index = (target["slice_index"], target["row"], target["column"], 1)
    point = np.array(data["to_patient_lps"]) @ index
    assert np.linalg.norm(point - lesion.centroid_lps_mm) < 2 * max(coronal_geometry().spacing_mm)


def test_what_was_not_looked_for_is_told_apart_from_what_was_not_found() -> None:
    result = build_result()
    unsought = replace(
        result, signals=replace(result.signals, lesions=None, lesion_labels=None, lesions_reason="no STIR series")
    )
    told = [
        {layer.key: (layer.absence, layer.reason) for layer in viewer_view(one).layers}["lesion"]
        for one in (result, unsought, without_lesions())
    ]
    assert told == [("", ""), ("not looked for", "no STIR series"), ("none found", "none found")]


def test_signal_is_told_against_muscle_only_where_both_were_measured() -> None:
    told = content(build_result())["series"]
    assert [series["muscle"] for series in told] == pytest.approx(
        [build_result().references.muscle.t1, build_result().references.muscle.stir], rel=1e-5
    )
    missing = content(without_lesions())["series"]
    assert [series["muscle"] for series in missing] == [None, None]
    assert {series["muscle_reason"] for series in missing} == {"no lean muscle found"}
    assert missing[0]["untold"] == "" and missing[1]["untold"].startswith("registration failed")
    forbidden = QualityReport(gates=(build_gate("fat", GateState.FAIL, consequence=Consequence.NO_STIR),))
    assert [one["untold"] for one in content(build_result(quality=forbidden))["series"]] == ["", "because of fat"]


def test_no_text_can_end_the_element_that_holds_the_data() -> None:
    result = build_result()
    bad = "</script><!--" + HOSTILE
    first, *others = result.regions.regions
    named = replace(result, regions=replace(result.regions, regions=(replace(first, name=bad), *others)))
    view = viewer_view(named)
    assert "<" not in view.data and ">" not in view.data and "&" not in view.data
    assert bad in json.dumps(json.loads(view.data), ensure_ascii=False).replace('\\"', '"')


def test_the_same_study_gives_the_same_data() -> None:
    assert viewer_view(build_result()).data == viewer_view(build_result()).data


def test_a_study_too_large_is_reduced_and_says_so() -> None:
    whole = viewer_view(build_result())
    reduced = viewer_view(build_result(), budget_bytes=40_000)
    assert whole.reduced == "" and "averaged into one pixel" in reduced.reduced
    assert all(series["factor"] > 1 for series in json.loads(reduced.data)["series"])
    assert len(reduced.data) < 60_000 < len(whole.data)
