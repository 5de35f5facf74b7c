"""Positions that a Resize reads, against what changes when a position changes."""

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from onnxplain.graph.resampling import resampled
from onnxplain.graph.view import Graph
from tests.graph.written import model


@pytest.mark.parametrize("how", ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("count", [4, 7, 14])
def test_every_position_that_matters_lies_between(mode, how, count):
    source = 7
    proto = model(
        f'y = Resize<mode = "{mode}", coordinate_transformation_mode = "{how}">(x, , , s)',
        f"double[1,1,1,{source}] x",
        "double[1,1,1,?] y",
        s=np.array([1, 1, 1, count]),
    )
    evaluator = ReferenceEvaluator(proto)
    # One position is moved at a time; what follows it reads it.
    base = np.random.default_rng(0).normal(size=(1, 1, 1, source))
    still = evaluator.run(None, {"x": base})[0].ravel()
    reads = np.zeros((count, source), bool)
    for k in range(source):
        moved = base.copy()
        moved[..., k] += 1.0
        reads[:, k] = np.abs(evaluator.run(None, {"x": moved})[0].ravel() - still) > 1e-9
    first, last = resampled(Graph(proto).nodes[0].attributes, source, count, count / source)
    for o in range(count):
        where = np.flatnonzero(reads[o])
        assert first[o] <= where.min()
        assert where.max() <= last[o]
        if mode != "cubic":  # taps of a cubic filter may be zero by chance of their place
            assert (first[o], last[o]) == (where.min(), where.max())


def test_a_crop_may_read_everything():
    how = {"coordinate_transformation_mode": "tf_crop_and_resize"}
    first, last = resampled(how, 5, 2, 0.4)
    assert (first.tolist(), last.tolist()) == ([0, 0], [4, 4])


@pytest.mark.parametrize(
    ("nearest_mode", "expected"),
    [
        # Positions 0.5, 2.5 and 4.5 lie in the middle between two.
        ("floor", [0, 2, 4]),
        ("ceil", [1, 3, 5]),
        ("round_prefer_floor", [0, 2, 4]),
        ("round_prefer_ceil", [1, 3, 5]),
    ],
)
def test_ways_to_round(nearest_mode, expected):
    first, last = resampled({"nearest_mode": nearest_mode}, 6, 3, 0.5)
    assert first.tolist() == last.tolist() == expected
