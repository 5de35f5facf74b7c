"""Boxes of a record are found again, and what was changed in it shows."""

from dataclasses import replace

import pytest
from audit.boxes.drawn import audited, model

from onnxplain.audit.verify import verify as module
from onnxplain.audit.verify.boxes import BoxesAgain, precision
from onnxplain.audit.verify.verify import open_recorded_model, verify
from onnxplain.evaluate.boxes.average_precision import is_there


def test_a_record_reproduces():
    record, samples, truth, _ = audited("scenes-shortcut")
    model = open_recorded_model(record, follow_record=True)
    found = verify(record, model, samples, len(samples), truth=truth)
    by_name = {c.figure: c for c in found.checks}
    assert all(c.reproduces for c in found.checks)
    assert by_name["hits, misses and false positives"].compared == 8
    assert by_name["suspects beside objects (from the pictures)"].compared > 5
    assert by_name["boxes (from the pictures)"].compared > 10
    assert ("average precision" in by_name) == is_there()


def test_without_the_library_precision_is_not_checked_and_that_is_said(monkeypatch):
    pytest.importorskip("pycocotools")
    record, samples, truth, _ = audited("scenes-shortcut")
    monkeypatch.setattr(module, "is_there", lambda: False)
    model = open_recorded_model(record, follow_record=True)
    found = verify(record, model, samples, len(samples), truth=truth)
    assert all(c.reproduces for c in found.checks)
    assert "average precision" not in {c.figure for c in found.checks}
    assert any("pycocotools is not installed" in text for text in found.not_checked)


def test_changed_verdicts_and_counts_show():
    record, samples, truth, _ = audited("scenes-shortcut")
    first = record.pictures[0]
    boxes = [replace(first.boxes[0], verdict="false positive"), *first.boxes[1:]]
    forged = replace(record, pictures=[replace(first, boxes=boxes), *record.pictures[1:]])
    found = verify(forged, model("scenes-shortcut"), samples, 1, truth=truth)
    failed = {c.figure for c in found.checks if not c.reproduces}
    assert {"hits, misses and false positives", "boxes (from the pictures)"} <= failed


def test_numbers_of_boxes_are_compared():
    record, *_ = audited("scenes-shortcut")
    boxes = record.pictures[0].boxes
    for changed, differs in ((0.001, False), (0.1, True)):
        again = BoxesAgain()
        again.compare("a", boxes, [replace(boxes[0], score=boxes[0].score - changed), *boxes[1:]])
        assert again.verdicts.reproduces
        assert again.numbers.reproduces != differs
    again = BoxesAgain()
    again.compare("a", boxes, None)
    assert not again.verdicts.reproduces
    again = BoxesAgain()
    again.compare("a", None, None)
    assert not again.verdicts.compared


def test_precision_is_compared():
    pytest.importorskip("pycocotools")
    said = audited("scenes-shortcut")[0].boxes
    assert precision(said, said).reproduces
    assert not precision(replace(said, map50=said.map50 - 0.1), said).reproduces
    assert not precision(replace(said, classes=said.classes[1:]), said).reproduces
