"""Boxes in a record: plain data and back, and what the schema asks for."""

import jsonschema
import pytest
from audit.boxes.drawn import audited

from onnxplain.audit.record import schema
from onnxplain.audit.records.boxes import BoxEntry, Weighed, map_of
from onnxplain.audit.records.plain import build, plain

HIT = {
    "verdict": "hit", "index": 1, "sides": [1.0, 2.0, 3.0, 4.0], "place": [0.1, 0.2, 0.3, 0.4],
    "score": 0.5, "overlap": 0.7, "cause": "", "other": None,
}  # fmt: skip
EXPLAINED = {"match": 0.5, "evidence": {"lrp": 0.25}, "beside": {"below": -0.1}}


def is_valid(data):
    rules = {**schema()["$defs"]["box"], "$defs": schema()["$defs"]}
    return jsonschema.Draft202012Validator(rules).is_valid(data)


@pytest.mark.parametrize("data", [HIT, {**HIT, **EXPLAINED}])
def test_there_and_back(data):
    assert plain(build(BoxEntry, data)) == data
    assert is_valid(data)


@pytest.mark.parametrize(
    "change",
    [{"verdict": "maybe"}, {"sides": [1, 2, 3]}, {"overlap": 2}, {"cause": "?"}, {"more": 1}],
)
def test_what_is_no_box(change):
    assert not is_valid({**HIT, **change})


def test_what_precision_is_counted_from_goes_there_and_back():
    told = {"sides": [[0, 0, 1, 1]], "scores": [0.5], "labels": [1], "drawn": [],
            "drawn_labels": [], "aside": []}  # fmt: skip
    assert plain(build(Weighed, told)) == told


def test_maps_of_boxes_have_names_of_their_own():
    record, *_ = audited("scenes-detector")
    assert map_of("lrp", 0) != map_of("lrp", 1)
    assert map_of("lrp", 0) not in record.methods
