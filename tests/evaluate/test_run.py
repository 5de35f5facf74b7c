"""Evaluating a data set: what is measured, what is left out, and that it repeats."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import onnxplain
from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.evaluate.cases import Plan
from onnxplain.evaluate.controls import CONTROLS
from onnxplain.evaluate.evaluation import Evaluation, Row
from onnxplain.evaluate.measures import MEASURES, find_measure
from onnxplain.evaluate.run import evaluate
from onnxplain.evaluate.settings import Settings
from onnxplain.inputs.dataset import Sample, read_dataset

# All that can be asked of one picture.
ALONE = tuple(name for name, m in MEASURES.items() if m.needs != "classes")
DIGITS = sorted(Path("examples/digits").glob("*.png"))


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/digits-gap.onnx")


@pytest.fixture(scope="module")
def samples():
    box = ((2.0, 0.0, 6.0, 8.0),)
    return [Sample(p.name, p, p.stem[0], boxes=box) for p in DIGITS[:3]]


@pytest.fixture(scope="module")
def found(model, samples):
    plan = Plan({"grad-cam": {}, "gradient": {}}, ALONE)
    return evaluate(model, samples, plan)


def test_every_measure_of_every_map(found, samples):
    # A map with zeros that change has no relative change; nothing else is left out.
    assert all(": the map is zero at " in p and ", relative-" in p for p in found.problems)
    left_out = {tuple(p.split(": ")[0].split(", ")) for p in found.problems}
    assert not {m for _, m, _ in left_out} & {"gradient", "random", "centre"}
    got = {(r.sample, r.method, r.measure) for r in found.rows} | left_out
    wanted = {
        (s.name, method, name)
        for s in samples
        for method in ("grad-cam", "gradient", *CONTROLS)
        for name in ALONE
        if not (MEASURES[name].needs in ("method", "rivals") and method in CONTROLS)
        and not (MEASURES[name].needs == "attribution" and method != "gradient")
    }
    assert got == wanted
    assert len(found.rows) + len(found.problems) == len(got)
    assert all(np.isfinite(r.value) for r in found.rows)


def test_it_repeats_itself_and_does_not_depend_on_the_company(model, samples, found):
    alone = evaluate(model, samples[1:2], Plan({"gradient": {}}, ("sensitivity-n", "deletion")))
    for row in alone.rows:
        assert row in found.rows


def test_the_summary_counts_ranks_and_marks_the_controls(found):
    lines = [entry for entry in found.summary() if entry.measure == "insertion"]
    assert [entry.rank for entry in lines] == sorted(entry.rank for entry in lines)
    assert [entry.mean for entry in lines] == sorted((e.mean for e in lines), reverse=True)
    assert {entry.method for entry in lines if entry.control} == set(CONTROLS)
    assert all(entry.count == 3 and entry.low <= entry.mean <= entry.high for entry in lines)
    whole = [entry for entry in found.summary() if entry.measure == "accuracy"]
    assert all(entry.rank == 0 for entry in whole)


def test_intervals_of_a_known_sample():
    values = np.random.default_rng(0).normal(3.0, 1.0, 400)
    rows = [Row(str(k), "m", "insertion", float(v)) for k, v in enumerate(values)]
    (entry,) = Evaluation(rows, [], frozenset()).summary()
    assert entry.mean == pytest.approx(values.mean())
    assert entry.deviation == pytest.approx(values.std(ddof=1))
    half = 1.96 * values.std(ddof=1) / 20
    assert entry.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert entry.high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_means_of_the_curves_are_the_means_of_the_areas(found):
    by_key = {(entry.method, entry.measure): entry.mean for entry in found.summary()}
    stages = {"randomisation", "randomisation-ssim"}
    # The mean of points at equal distances, rather than an area.
    means = {"mean-iou": 0, "road": 1, "road-least-first": 1}
    assert {c.measure for c in found.curves} == {"deletion", "insertion", *means, *stages}
    for curve in found.curves:
        if curve.measure in stages:
            assert curve.shares[-1] == 1.0
            assert curve.scores[0] == pytest.approx(by_key[curve.method, curve.measure])
            continue
        mean = by_key[curve.method, curve.measure]
        area = (
            curve.scores[means[curve.measure] :].mean()
            if curve.measure in means
            else (curve.scores[1:] + curve.scores[:-1]) @ np.diff(curve.shares) / 2
        )
        assert area == pytest.approx(mean)


def test_one_threshold_for_all_pictures_is_the_peak_of_the_mean_curve(found):
    best = {entry.method: entry for entry in found.best_thresholds()}
    for curve in found.curves:
        if curve.measure == "mean-iou":
            entry = best[curve.method]
            assert entry.iou == curve.scores.max()
            assert curve.scores[curve.shares == entry.threshold] == entry.iou
    assert [e.iou for e in found.best_thresholds()] == sorted(e.iou for e in best.values())[::-1]


def test_files(found, tmp_path):
    paths = found.save(tmp_path / "out")
    assert [p.name for p in paths] == ["evaluation.json", "summary.csv", "rows.csv"]
    record = json.loads(paths[0].read_text())
    assert len(record["rows"]) == len(found.rows)
    assert record["provenance"]["methods"]["grad-cam"] == {"layer": None}
    with paths[2].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(r["value"]) for r in rows] == [r.value for r in found.rows]


def test_the_true_class_or_the_prediction_is_explained(model, samples):
    wrong = [replace(s, label="7" if s.label != "7" else "1") for s in samples]
    plan = Plan({"gradient": {}}, ("deletion", "accuracy"), controls=False)
    by_label = evaluate(model, wrong, plan).rows
    by_prediction = evaluate(model, wrong, replace(plan, explained="prediction")).rows
    assert [r.value for r in by_label if r.measure == "accuracy"] == [0.0] * 3
    pairs = zip(by_label, by_prediction, strict=True)
    assert all(a.value < b.value for a, b in pairs if a.measure == "deletion")


def test_what_measures_are_made_with_can_be_chosen(model, samples):
    names = ("deletion", "insertion", "accuracy-strong-only", "randomisation")
    plan = Plan({"gradient": {}}, names, controls=False)
    other = Settings(3, "white", "black", strong=0.9, order="independent", stages=2)
    first, second = (evaluate(model, samples, p) for p in (plan, replace(plan, settings=other)))
    values = [{(r.sample, r.measure): r.value for r in f.rows} for f in (first, second)]
    for sample in samples:
        changed = [values[0][sample.name, n] != values[1][sample.name, n] for n in names]
        assert changed[0]
        assert changed[1]
    assert [len(c.shares) for c in second.curves if c.measure == "deletion"] == [64 // 3 + 2]
    assert [len(c.shares) for c in second.curves if c.measure == "randomisation"] == [2]
    generous = evaluate(model, samples, replace(plan, settings=Settings(strong=0.98)))
    kept = [r.value for r in generous.rows if r.measure == "accuracy-strong-only"]
    assert np.mean(kept) == 1.0 > np.mean([values[0][s.name, names[2]] for s in samples])
    assert second.provenance["settings"]["deleted"] == "white"


@pytest.mark.parametrize("wrong", [{"strong": 1.0}, {"stages": 0}, {"step": 0}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(UsageError, match=r"must (be|lie between)"):
        Settings(**wrong)


def test_networks_without_their_weights_are_opened_once_for_all_pictures(
    model, samples, monkeypatch
):
    from onnxplain.model.model import Model

    made = []
    original = Model.with_graph
    monkeypatch.setattr(
        Model, "with_graph", lambda self, graph: made.append(graph) or original(self, graph)
    )
    plan = Plan({"gradient": {}, "saliency": {}}, ("randomisation", "randomisation-ssim"))
    evaluate(model, samples, plan)
    assert len(made) == 4  # the layers of this network


def test_a_blur_changes_what_is_measured(model, samples):
    plan = Plan({"gradient": {}}, ("energy-in-mask",), controls=False)
    sharp, soft = (evaluate(model, samples, replace(plan, blur=b)).rows for b in (0.0, 1.0))
    assert all(a.value != b.value for a, b in zip(sharp, soft, strict=True))


def test_what_cannot_be_read_or_does_not_apply_is_listed(model, samples, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    outside = tmp_path / "outside.png"
    Image.new("L", (80, 80)).save(outside)
    data = [
        Sample("broken", broken),
        *samples,
        Sample("outside", outside, boxes=((0.0, 0.0, 2.0, 2.0),)),  # less than a pixel
    ]
    plan = Plan({"gradient": {}, "guided-backprop": {}}, ("energy-in-mask", "deletion"))
    found = evaluate(model, data, plan)
    assert {r.sample for r in found.rows} == {*(s.name for s in samples), "outside"}
    assert {r.measure for r in found.rows if r.sample == "outside"} == {"deletion"}
    said = "\n".join(found.problems)
    assert "broken: cannot read image" in said
    assert "outside: nothing of the mask" in said


def test_measures_that_no_picture_can_answer_are_refused(model):
    data = read_dataset("examples/digits")
    bare = [replace(s, label=None, boxes=(), mask=None) for s in data][:1]
    for name, what in (("mean-iou", "mask"), ("accuracy", "label")):
        with pytest.raises(UsageError, match=f"{name!r} needs a {what}"):
            evaluate(model, bare, Plan({"gradient": {}}, (name,)))


def test_nothing_readable_is_an_error(model, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"")
    with pytest.raises(UsageError, match="nothing could be measured: a: cannot read"):
        evaluate(model, [Sample("a", path)], Plan({"gradient": {}}, ("deletion",)))


def test_a_wrong_name_is_met_with_the_nearest():
    with pytest.raises(UnknownNameError, match="nearest: 'deletion'"):
        find_measure("delition")
