"""Every number that a choice rests on, against maps that are made again one by one."""

from pathlib import Path

import numpy as np
import pytest
import scipy

import onnxplain
from onnxplain.evaluate.cases import Plan, cases, look
from onnxplain.evaluate.choose.candidate import Candidate
from onnxplain.evaluate.choose.measuring import (
    FAITHFUL,
    NULLS,
    ROBUST,
    controls_of,
    map_of,
    measure,
    own_control,
    shuffled_model,
)
from onnxplain.evaluate.imputed_regions import probe_of
from onnxplain.inputs.dataset import Sample

PLAN = Plan({}, (FAITHFUL,), explained="prediction", seed=3)
CANDIDATES = [Candidate("gradient-x-input"), Candidate("occlusion", {"window": 3})]
SAMPLES = [Sample(p.name, p) for p in sorted(Path("examples/digits").glob("*.png"))[:4]]


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/digits-gap.onnx")


@pytest.fixture(scope="module")
def found(model):
    return measure(model, SAMPLES, CANDIDATES, [FAITHFUL], PLAN)


def test_everything_is_measured(found):
    labels = [c.label for c in CANDIDATES]
    assert found.pictures == [s.name for s in SAMPLES]
    assert found.problems == []
    for label in labels:
        assert set(found.values[FAITHFUL][label]) == set(found.pictures)
        assert len(found.null[label]) == len(found.alike[label]) == NULLS
        assert len(found.agreement[label]) == len(found.seconds[label]) == 4
        assert found.values[ROBUST][label]
        for control in controls_of(label, FAITHFUL):
            assert set(found.values[FAITHFUL][control]) == set(found.pictures)
    assert set(controls_of("x", ROBUST)) < set(controls_of("x", FAITHFUL))


def test_numbers_of_one_picture_one_by_one(model, found):
    seen = look(model, SAMPLES[1], PLAN, [])
    (case,) = cases(model, seen, ["occlusion"], Plan({"occlusion": {"window": 3}}, (), seed=3,
                    explained="prediction", controls=False), [])  # fmt: skip
    label, name = CANDIDATES[1].label, SAMPLES[1].name
    assert found.values[FAITHFUL][label][name] == pytest.approx(
        probe_of(case).correlation(case.heatmap)
    )
    each = NULLS // len(SAMPLES)
    networks = [shuffled_model(model, seen, PLAN.seed, k) for k in range(each, 2 * each)]
    maps = [map_of(other, seen, CANDIDATES[1], 3) for other in networks]
    values = [probe_of(case).correlation(m) for m in maps]
    assert found.null[label][each : 2 * each] == pytest.approx(values)
    assert found.values[FAITHFUL][own_control(label)][name] == pytest.approx(np.mean(values))
    ranks = [scipy.stats.spearmanr(abs(m), abs(case.heatmap), axis=None).statistic for m in maps]
    assert found.alike[label][each : 2 * each] == pytest.approx(ranks)


def test_pictures_that_cannot_be_read_are_left_out(model, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    found = measure(model, [Sample("broken.png", broken), *SAMPLES[:1]], CANDIDATES[:1],
                    [FAITHFUL], PLAN)  # fmt: skip
    assert found.pictures == [SAMPLES[0].name]
    assert "broken.png" in found.problems[0]


def test_no_two_maps_of_the_null_are_of_one_network(model):
    """Maps of one network are alike in how well they do by chance."""
    seen = look(model, SAMPLES[0], PLAN, [])
    weights = [
        shuffled_model(model, seen, seed, k).network.graph.constant("0.weight").tobytes()
        for seed in (0, 1, 3)
        for k in range(12)
    ]
    assert len(set(weights)) == len(weights)
