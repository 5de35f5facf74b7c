"""Chains of constants become numbers; everything else stays as it was."""

import graphs
import numpy as np
import onnx
import pytest
from graphs import build
from onnx import TensorProto
from onnx.helper import make_node as node
from onnx.reference import ReferenceEvaluator

from onnxplain.graph import fold
from onnxplain.graph.budget import OverBudgetError
from onnxplain.graph.prepare import prepare

X = np.random.default_rng(0).standard_normal((2, 3, 4, 6)).astype(np.float32)
W = np.arange(6, dtype=np.float32).reshape(2, 3)


def operators(proto):
    return [n.op_type for n in prepare(proto).nodes]


def same_values(proto):
    before, after = (
        ReferenceEvaluator(p).run(None, {"x": X}) for p in (proto, prepare(proto).model)
    )
    for wanted, got in zip(before, after, strict=True):
        np.testing.assert_array_equal(got, wanted)
    return True


def test_a_chain_of_shapes_becomes_one_number():
    nodes = [
        node("Shape", ["w"], ["s"]),
        node("Gather", ["s", "one"], ["g"]),
        node("Mul", ["g", "eight"], ["m"]),
        node("Unsqueeze", ["m", "axes"], ["u"]),
        node("Concat", ["zero", "u", "rest"], ["shape"], axis=0),
        node("Reshape", ["x", "shape"], ["y"]),
    ]
    constants = {
        "w": W,
        "one": np.array(1),
        "eight": np.array(8),
        "axes": np.array([0]),
        "zero": np.array([0]),
        "rest": np.array([-1]),
    }
    graph = prepare(build(nodes, ["y"], constants))
    assert [n.op_type for n in graph.nodes] == ["Reshape"]
    assert graph.constant("shape").tolist() == [0, 24, -1]
    assert set(graph.constant_names) == {"shape"}
    assert same_values(build(nodes, ["y"], constants))


def test_an_empty_constant_is_a_constant():
    nodes = [
        node("Concat", ["empty", "all"], ["shape"], axis=0),
        node("Reshape", ["x", "shape"], ["y"]),
    ]
    constants = {"empty": np.zeros(0, np.int64), "all": np.array([-1])}
    assert operators(build(nodes, ["y"], constants)) == ["Reshape"]


def test_both_parts_of_a_split_constant():
    nodes = [
        node("Split", ["w"], ["a", "b"], axis=0),
        node("Reshape", ["a", "shape"], ["c"]),
        node("Sub", ["c", "d"], ["e"]),
        node("Reshape", ["b", "shape"], ["d"]),
        node("Mul", ["x", "e"], ["y"]),
    ]
    nodes[2], nodes[3] = nodes[3], nodes[2]
    proto = build(nodes, ["y"], {"w": W, "shape": np.array([3, 1, 1])})
    graph = prepare(proto)
    assert [n.op_type for n in graph.nodes] == ["Mul"]
    np.testing.assert_array_equal(graph.constant("e"), np.full((3, 1, 1), -3))
    assert same_values(proto)


def quantised():
    return build(
        [
            node("DequantizeLinear", ["q", "s", "z"], ["w"]),
            node("Mul", ["x", "w"], ["y"]),
        ],
        ["y"],
        {
            "q": np.array([[[1]], [[2]], [[3]]], np.int8),
            "s": np.float32(0.5),
            "z": np.int8(1),
        },
    )


def random():
    return build(
        [node("RandomNormalLike", ["w"], ["r"], dtype=1), node("Mul", ["x", "r"], ["y"])],
        ["y"],
        {"w": np.ones((3, 1, 1), np.float32)},
    )


def own_output():
    return build(
        [node("Neg", ["w"], ["z"]), node("Mul", ["x", "w"], ["y"])],
        ["y", "z"],
        {"w": np.ones((3, 1, 1), np.float32)},
    )


def depends_on_the_input():
    return build(
        [
            node("Shape", ["x"], ["s"]),
            node("ConstantOfShape", ["s"], ["o"]),
            node("Add", ["x", "o"], ["y"]),
        ],
        ["y"],
    )


def branch():
    then, other = (
        onnx.helper.make_graph(
            [node(op, ["w"], [name])],
            name,
            [],
            [onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
        )
        for op, name in (("Neg", "t"), ("Abs", "e"))
    )
    return build(
        [
            node("ReduceMax", ["x"], ["m"], keepdims=0),
            node("Greater", ["m", "one"], ["yes"]),
            node("If", ["yes"], ["v"], then_branch=then, else_branch=other),
            node("Mul", ["x", "v"], ["y"]),
        ],
        ["y"],
        {"one": np.float32(1), "w": np.ones((3, 1, 1), np.float32)},
    )


@pytest.mark.parametrize(
    ("proto", "kept"),
    [
        (quantised(), ["DequantizeLinear", "Mul"]),
        (random(), ["RandomNormalLike", "Mul"]),
        (own_output(), ["Neg", "Mul"]),
        (depends_on_the_input(), ["Shape", "ConstantOfShape", "Add"]),
        (branch(), ["ReduceMax", "Greater", "If", "Mul"]),
    ],
    ids=["quantised weight", "random", "graph output", "depends on the input", "control flow"],
)
def test_what_is_not_folded(proto, kept):
    assert operators(proto) == kept


def test_a_large_result_stays_computed(monkeypatch):
    nodes = [node("Expand", ["w", "shape"], ["e"]), node("Mul", ["x", "e"], ["y"])]
    proto = build(nodes, ["y"], {"w": np.ones((3, 1, 1), np.float32), "shape": np.array([3, 4, 6])})
    assert operators(proto) == ["Mul"]
    monkeypatch.setattr(fold, "MAX_ELEMENTS", 71)
    assert operators(proto) == ["Expand", "Mul"]


def test_element_types_survive():
    nodes = [
        node("Cast", ["w"], ["h"], to=TensorProto.FLOAT16),
        node("Neg", ["h"], ["n"]),
        node("Cast", ["x"], ["x16"], to=TensorProto.FLOAT16),
        node("Mul", ["x16", "n"], ["y"]),
    ]
    graph = prepare(build(nodes, ["y"], {"w": np.full((3, 1, 1), 0.5, np.float32)}))
    assert [n.op_type for n in graph.nodes] == ["Cast", "Mul"]
    assert graph.constant("n").dtype == np.float16
    assert graph.constant("n").ravel().tolist() == [-0.5] * 3


def test_folding_leaves_a_network_alone():
    proto = graphs.classifier()
    assert len(prepare(proto).nodes) == len(proto.graph.node)


HUGE = 1 << 30
ONE = np.ones((1, 1), np.float32)
# Operator, constant operands, attributes: a few bytes that ask for gigabytes.
HOSTILE = [
    ("ConstantOfShape", [np.array([HUGE])], {}),
    ("Expand", [ONE, np.array([HUGE, 1])], {}),
    ("Tile", [ONE, np.array([HUGE, 1])], {}),
    ("Range", [np.array(0), np.array(HUGE), np.array(1)], {}),
    ("Range", [np.float32(0), np.float32(1e30), np.float32(1e-30)], {}),
    ("Pad", [ONE, np.array([0, 0, HUGE, 0])], {}),
    ("Resize", [ONE, np.zeros(0, np.float32), np.zeros(0, np.float32), np.array([HUGE, 1])], {}),
    ("OneHot", [np.zeros(1, np.int64), np.array(HUGE), np.array([0.0, 1.0], np.float32)], {}),
    ("MatMul", [np.ones((1 << 11, 1), np.float32), np.ones((1, 1 << 11), np.float32)], {}),
    ("Add", [np.ones((1 << 11, 1), np.float32), np.ones((1, 1 << 11), np.float32)], {}),
    ("HannWindow", [np.array(HUGE)], {}),
    ("Concat", [np.ones((1 << 19, 1), np.float32)] * 3, {"axis": 0}),
]


@pytest.mark.parametrize(
    ("op_type", "operands", "attributes"),
    HOSTILE,
    ids=[f"{h[0]} {i}" for i, h in enumerate(HOSTILE)],
)
def test_a_huge_result_is_not_even_computed(monkeypatch, op_type, operands, attributes):
    evaluated = []
    monkeypatch.setattr("onnx.reference.ReferenceEvaluator", evaluated.append)
    constants = {f"c{i}": np.asarray(v) for i, v in enumerate(operands)}
    nodes = [
        node(op_type, list(constants), ["huge"], **attributes),
        node("Shape", ["huge"], ["s"]),
        node("Cast", ["s"], ["f"], to=TensorProto.FLOAT),
        node("ReduceMax", ["f"], ["m"], keepdims=0),
        node("Mul", ["x", "m"], ["y"]),
    ]
    # ONNX Runtime would compute what is left in the file, so gigabytes are refused at once.
    if any(np.max(np.abs(v), initial=0) >= HUGE for v in constants.values()):
        with pytest.raises(OverBudgetError, match=rf"^{op_type} .*--budget tensor-bytes=N"):
            operators(unchecked(nodes, constants))
    else:
        assert operators(unchecked(nodes, constants))[0] == op_type
    assert not evaluated


def unchecked(nodes, constants):
    """As `build`, without inference and checks, which such a file need not survive."""
    value = onnx.helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    body = onnx.helper.make_graph(
        nodes,
        "test",
        [onnx.helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 4, 6])],
        [value],
        [onnx.numpy_helper.from_array(a, n) for n, a in constants.items()],
    )
    return onnx.helper.make_model(body, opset_imports=[onnx.helper.make_opsetid("", 17)])


@pytest.mark.parametrize("op_type", ["NonZero", "Unique"])
def test_what_depends_on_values_is_folded_while_it_cannot_grow(op_type):
    nodes = [
        node(op_type, ["w"], ["u"]),
        node("Cast", ["u"], ["f"], to=TensorProto.FLOAT),
        node("ReduceMax", ["f"], ["m"], keepdims=0),
        node("Mul", ["x", "m"], ["y"]),
    ]
    assert operators(build(nodes, ["y"], {"w": W})) == ["Mul"]


def test_one_constant_may_be_two_operands():
    nodes = [
        node("Range", ["zero", "three", "three"], ["r"]),
        node("Cast", ["r"], ["f"], to=TensorProto.FLOAT),
        node("Add", ["x", "f"], ["y"]),
    ]
    assert operators(build(nodes, ["y"], {"zero": np.array(0), "three": np.array(3)})) == ["Add"]
