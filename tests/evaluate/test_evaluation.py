"""Sums over pictures: means, ranks and thresholds, by hand."""

import json

import numpy as np
import pytest

from onnxplain.evaluate.evaluation import Evaluation, MeanCurve, Row


def made(**changes):
    values = {
        ("insertion", "a"): [0.25, 0.5],
        ("insertion", "b"): [0.7, 0.5],
        ("insertion", "random"): [0.375, 0.375],
        ("deletion", "a"): [0.2, 0.4],
        ("deletion", "b"): [0.7, 0.5],
        ("accuracy", "a"): [1.0, 0.0],
    }
    rows = [
        Row(f"{k}.png", method, measure, value)
        for (measure, method), each in values.items()
        for k, value in enumerate(each)
    ]
    shares = np.array([0.1, 0.5, 0.9])
    curves = [
        MeanCurve("a", "mean-iou", shares, np.array([0.1, 0.3, 0.2])),
        MeanCurve("b", "mean-iou", shares, np.array([0.1, 0.2, 0.6])),
        MeanCurve("a", "deletion", shares, np.array([9.0, 0.3, 0.2])),
    ]
    return Evaluation(rows, curves, frozenset({"random"}), **changes)


def test_ranks_follow_the_better_end_and_equal_means_share_one():
    lines = {(entry.measure, entry.method): entry for entry in made().summary()}
    assert [lines["insertion", m].rank for m in ("b", "a", "random")] == [1, 2, 2]
    assert [lines["deletion", m].rank for m in ("a", "b")] == [1, 2]
    assert lines["accuracy", "a"].rank == 0
    line = lines["insertion", "a"]
    assert (line.mean, line.count, line.control) == (0.375, 2, False)
    assert line.deviation == pytest.approx(np.sqrt(2 * 0.125**2))
    assert lines["insertion", "random"].control


def test_best_thresholds_come_from_overlap_alone():
    found = [(t.method, t.threshold, t.iou) for t in made().best_thresholds()]
    assert found == [("b", 0.9, 0.6), ("a", 0.5, 0.3)]


def test_what_is_explained_in_words():
    assert (made().unit, made().question) == ("probability", "the label")
    told = made(provenance={"unit": "value", "target": "age"})
    assert (told.unit, told.question) == ("value", "age")


def test_files_hold_every_number(tmp_path):
    paths = made(problems=["x"]).save(tmp_path)
    assert [p.name for p in paths] == ["evaluation.json", "summary.csv", "rows.csv"]
    read = json.loads(paths[0].read_text())
    assert read["problems"] == ["x"]
    assert len(read["rows"]) == 12
    assert read["curves"][1]["scores"] == [0.1, 0.2, 0.6]
    assert len(paths[2].read_text().splitlines()) == 13


def test_measures_that_say_little_are_named_with_the_reason():
    shares = np.linspace(0, 1, 3)
    curves = [
        MeanCurve("cam", "insertion", shares, np.array([0.9, 0.95, 1.0])),
        MeanCurve("lrp", "insertion", shares, np.array([0.1, 0.95, 1.0])),
        MeanCurve("cam", "deletion", shares, np.array([1.0, 0.5, 0.0])),
    ]
    found = Evaluation([], curves, frozenset())
    assert list(found.silent_measures()) == [("cam", "insertion")]
    (entry,) = found.to_dict()["says_little"]
    assert (entry["method"], entry["measure"]) == ("cam", "insertion")
    assert "the blurred picture alone scores 0.9 of 1" in entry["why"]


def test_measures_that_never_run_the_model_are_named_for_every_map():
    rows = [Row("a", "cam", "complexity", 1.0), Row("a", "random", "complexity", 2.0)]
    found = Evaluation([*rows, Row("a", "cam", "roc-auc", 1.0)], [], frozenset({"random"}))
    assert list(found.silent_measures()) == [("cam", "complexity"), ("random", "complexity")]
    for entry in found.to_dict()["says_little"]:
        assert "looks at the map alone" in entry["why"]
