"""Loops that nothing ends in time are refused before anything runs."""

import numpy as np
import pytest
from graphs import build
from onnx import TensorProto
from onnx.helper import make_graph, make_node, make_tensor_value_info

from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.budget import Budget, within
from onnxplain.graph.prepare import prepare
from onnxplain.graph.rounds import has_loops


def _value(name, kind, shape=()):
    return make_tensor_value_info(name, kind, shape)


def looped(limit, *, condition="go", start=True, nested=False, operator="Identity"):
    """A Loop; `condition` names what the body hands on: what it was given, or something else."""
    body = make_graph(
        [
            make_node(operator, ["go"], ["passed"]),
            make_node("Less", ["i", "many"], ["other"]),
            make_node("Identity", ["passed" if condition == "go" else "other"], ["on"]),
            make_node("Neg", ["v"], ["w"]),
        ],
        "body",
        [_value("i", TensorProto.INT64), _value("go", TensorProto.BOOL), _value("v", 1, None)],
        [_value("on", TensorProto.BOOL), _value("w", 1, None)],
    )
    loop = make_node("Loop", ["limit" if limit is not None else "", "start", "x"], ["y"], body=body)
    constants = {"start": np.array(start), "many": np.array(3)}
    constants |= {} if limit is None else {"limit": np.array(limit)}
    if not nested:
        return build([loop], [_value("y", 1, ["N", 3, 4, 6])], constants)
    inner = make_node("Loop", [*loop.input], ["z"], body=body)
    branch = make_graph([inner], "there", [], [_value("z", 1, None)])
    other = make_graph([make_node("Neg", ["x"], ["z2"])], "other", [], [_value("z2", 1, None)])
    nodes = [
        make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        make_node("Cast", ["sum"], ["which"], to=TensorProto.BOOL),
        make_node("If", ["which"], ["y"], then_branch=branch, else_branch=other),
    ]
    return build(nodes, [_value("y", 1, ["N", 3, 4, 6])], constants)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("limit", [2**60, 1_000_001])
def test_too_many_rounds_are_refused(limit, nested):
    with pytest.raises(UnsupportedModelError, match=rf"Loop.*{limit:,} rounds.*--budget rounds"):
        prepare(looped(limit, nested=nested))
    with within(Budget(rounds=2**61)):
        prepare(looped(limit, nested=nested))


def test_a_loop_without_a_limit_and_an_end_is_refused():
    with pytest.raises(UnsupportedModelError, match="never changes"):
        prepare(looped(None))


@pytest.mark.parametrize(
    "model",
    [
        looped(5),
        looped(1_000_000),
        looped(2**63 - 1, condition="other"),  # as `while` is exported
        looped(None, condition="other"),
        looped(2**60, start=False),  # no round at all
    ],
)
def test_loops_that_may_end_are_not_refused(model):
    prepare(model)


def test_loops_are_found_in_bodies():
    assert has_loops(looped(5, nested=True))
    assert not has_loops(build([make_node("Relu", ["x"], ["y"])], ["y"], {}))
