"""Names, constants, and what is computed from constants alone."""

import numpy as np

from onnxplain.symbolic.builder import Builder


def builder(opset=17):
    return Builder(["x", "explained/Add_1", "target"], ["w"], opset)


def test_names_are_new():
    build = builder()
    made = {build.add("Add", "x", "x") for _ in range(3)}
    assert len(made) == 3
    assert "explained/Add_1" not in made
    assert build.claim("target") == "target_"
    assert build.claim("target") == "target__"


def test_equal_constants_are_kept_once():
    build = builder()
    assert build.number(0.5) == build.number(0.5)
    assert build.number(0.5) != build.constant(np.array(0.5))
    assert build.integers(1) != build.integer(1)
    assert len(build.initializers) == 4


def test_what_constants_alone_make_is_kept_apart_and_once():
    build = builder()
    turned = build.add("Transpose", "w", perm=[1, 0])
    assert build.add("Transpose", "w", perm=[1, 0]) == turned
    assert build.add("Transpose", "w", perm=[0, 1]) != turned
    build.add("MatMul", "x", turned)
    assert [n.op_type for n in build.fixed] == ["Transpose", "Transpose"]
    assert [n.op_type for n in build.nodes] == ["MatMul"]
    assert build.is_fixed(turned)


def test_a_body_collects_its_own_nodes():
    build = builder()
    with build.body() as nodes:
        build.add("Relu", "x")
    build.add("Neg", "x")
    assert [n.op_type for n in nodes] == ["Relu"]
    assert [n.op_type for n in build.nodes] == ["Neg"]


def test_axes_are_an_input_from_opset_18_on():
    for opset, inputs in ((17, 1), (18, 2)):
        build = builder(opset)
        build.reduce("ReduceMean", "x", [1])
        assert len(build.nodes[0].input) == inputs
    build = builder()
    build.reduce("ReduceSum", "x", [1], keep=False)
    assert len(build.nodes[0].input) == 2


def test_only_what_may_overflow_counts_as_unbounded():
    """Multiplying by a mask hides a finite number, and makes a NaN of an infinite one."""
    build = builder()
    scaled = build.add("Div", "x", "w")
    root = build.add("Sqrt", "x")
    assert build.is_finite(scaled)
    assert build.is_finite(build.add("MatMul", scaled, "x"))
    assert not build.is_finite(root)
    assert not build.is_finite(build.add("Add", root, "x"))
    assert not build.is_finite(build.add("Div", "w", "x"))
