"""Legal graphs that stock onnx2torch refuses or computes wrongly, against ONNX Runtime."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from onnx.helper import make_node as node

from onnxplain.convert import to_torch
from onnxplain.errors import ConversionError
from onnxplain.graph.prepare import prepare
from tests.convert.forms import noise
from tests.convert.oracle import assert_agrees, expected, make_model

X = noise(2, 4)
IMAGE = noise(2, 3, 4, 6)


def case(name, nodes, outputs, feeds=None, constants=None, opset=13):
    feeds = {"x": X} if feeds is None else feeds
    return pytest.param(nodes, outputs, feeds, constants, opset, id=name)


SPLIT = node("Split", ["x"], ["a", "b"], axis=1)
POOL = {"kernel_shape": [2, 2], "strides": [2, 2]}

GRAPHS = [
    case("unnamed nodes of one kind",
         [node("Relu", ["x"], ["h"]), node("Relu", ["h"], ["k"]), node("Add", ["k", "x"], ["y"])],
         ["y"]),
    case("an unnamed node and one that has its generated name",
         [node("Add", ["x", "x"], ["h"]), node("Add", ["h", "x"], ["k"]),
          node("Mul", ["k", "h"], ["y"], name="Add_1")], ["y"]),
    case("node named like an input",
         [node("Relu", ["x"], ["h"], name="x"), node("Add", ["h", "x"], ["y"])], ["y"]),
    case("initializer named like a node",
         [node("Relu", ["x"], ["h"], name="w"), node("Add", ["h", "w"], ["y"])], ["y"],
         constants={"w": noise(4)}),
    case("dotted and slashed names",
         [node("Relu", ["x"], ["/layer.1/h.0"], name="/layer.1/relu"),
          node("Add", ["/layer.1/h.0", "layer.1.w"], ["y"], name="layer.1.add")], ["y"],
         constants={"layer.1.w": noise(4)}),
    case("second output of Split", [SPLIT, node("Relu", ["a"], ["c"])], ["b"]),
    case("swapped outputs of Split", [SPLIT], ["b", "a"]),
    case("an input is an output", [node("Relu", ["x"], ["y"])], ["y", "x"]),
    case("one tensor read twice", [node("Mul", ["x", "x"], ["y"])], ["y"]),
    case("weight through Identity",
         [node("Identity", ["w"], ["v"]), node("Conv", ["x", "v"], ["y"])], ["y"],
         {"x": IMAGE}, {"w": noise(2, 3, 1, 1)}),
    case("weight is a graph input", [node("Conv", ["x", "w"], ["y"])], ["y"],
         {"x": IMAGE, "w": noise(2, 3, 2, 2)}),
    case("weight is computed",
         [node("Mul", ["w", "w"], ["v"]), node("Conv", ["x", "v", "b"], ["y"])], ["y"],
         {"x": IMAGE}, {"w": noise(2, 3, 2, 2), "b": noise(2)}),
    case("batch normalisation through Identity",
         [node("Identity", ["s"], ["t"]),
          node("BatchNormalization", ["x", "t", "s", "s", "s"], ["y"])], ["y"],
         {"x": IMAGE}, {"s": np.array([0.5, 1, 2], np.float32)}),
    case("Clip with an empty minimum", [node("Clip", ["x", "", "m"], ["y"])], ["y"],
         constants={"m": np.float32(0.2)}),
    case("Clip of integers", [node("Clip", ["x", "l", "m"], ["y"])], ["y"],
         {"x": np.array([-1, 2, 5])}, {"l": np.array(0), "m": np.array(3)}),
    case("Dropout with an unused mask",
         [node("Dropout", ["x"], ["d", "m"]), node("Relu", ["d"], ["y"])], ["y"], opset=12),
    case("MaxPool with unused indices",
         [node("MaxPool", ["x"], ["d", "i"], **POOL), node("Relu", ["d"], ["y"])], ["y"],
         {"x": IMAGE}, opset=12),
    case("SAME padding", [node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER")], ["y"],
         {"x": IMAGE}, {"w": noise(2, 3, 3, 2)}),
    case("asymmetric AveragePool",
         [node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[0, 0, 1, 1])], ["y"],
         {"x": IMAGE}, opset=11),
    case("PRelu with a slope along the last axis", [node("PRelu", ["x", "s"], ["y"])], ["y"],
         {"x": noise(1, 4, 3, 4)}, {"s": noise(4)}, 16),
    case("shapes from shapes",
         [node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["n"]),
          node("Unsqueeze", ["n", "axes"], ["n1"]),
          node("Concat", ["n1", "rest"], ["shape"], axis=0),
          node("Reshape", ["x", "shape"], ["y"])], ["y"], {"x": IMAGE},
         {"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1, 6])}),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "outputs", "feeds", "constants", "opset"), GRAPHS)
def test_an_awkward_graph_agrees_with_onnx_runtime(nodes, outputs, feeds, constants, opset):
    assert_agrees(make_model(nodes, feeds, outputs, constants, opset), feeds)


def test_an_output_without_a_name_does_not_feed_an_absent_input():
    constants = {"m": np.float32(0.2), "w": noise(1, 12, 4), "r": noise(1, 12, 3, seed=1)}
    nodes = [
        node("Clip", ["x", "", "m"], ["c"]),
        node("LSTM", ["c", "w", "r"], ["", "y"], hidden_size=3),
    ]
    feeds = {"x": noise(5, 2, 4)}
    assert_agrees(make_model(nodes, feeds, ["y"], constants), feeds)


def test_an_attribute_may_be_an_empty_list():
    reduction = node("ReduceMean", ["x"], ["h"])
    reduction.attribute.append(
        helper.make_attribute("axes", [], attr_type=onnx.AttributeProto.INTS)
    )
    nodes = [reduction, node("Add", ["h", "x"], ["y"])]
    assert_agrees(make_model(nodes, {"x": X}, ["y"], opset=11), {"x": X})


def test_the_standard_domain_may_be_written_out():
    model = make_model([node("Relu", ["x"], ["y"], domain="ai.onnx")], {"x": X}, ["y"])
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("ai.onnx", 13))
    assert_agrees(model, {"x": X})


def test_an_initializer_may_also_be_listed_as_an_input():
    model = make_model([node("Add", ["x", "w"], ["y"])], {"x": X}, ["y"], {"w": noise(4)})
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [4]))
    assert_agrees(model, {"x": X})


def test_a_large_program_keeps_the_order_of_its_nodes():
    names = [f"t{i}" for i in range(300)]
    nodes = [
        node("Add" if i % 2 else "Mul", [a, "w"], [b], name=f"n.{i}")
        for i, (a, b) in enumerate(zip(["x", *names], names, strict=False))
    ]
    model = make_model(nodes, {"x": X}, [names[-1]], {"w": np.float32(0.99)})
    assert_agrees(model, {"x": X})


def test_half_precision_agrees():
    half = np.float16
    constants = {
        "w": noise(4, 3, 3, 3, dtype=half), "s": np.ones(4, half), "b": noise(4, dtype=half),
        "v": np.full(4, 2, half), "g": noise(5, 4, dtype=half), "d": noise(5, dtype=half),
    }  # fmt: skip
    nodes = [
        node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c", "s", "b", "b", "v"], ["n"]),
        node("Relu", ["n"], ["r"]),
        node("GlobalAveragePool", ["r"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("Gemm", ["f", "g", "d"], ["l"], transB=1),
        node("Softmax", ["l"], ["y"]),
    ]
    feeds = {"x": IMAGE.astype(half)}
    assert_agrees(make_model(nodes, feeds, ["y"], constants), feeds, rtol=1e-2, atol=1e-3)


def test_weights_may_be_standardised_by_their_own_statistics():
    # Scaled weight standardisation of normaliser-free networks.
    ones, zeros = np.ones(5, np.float32), np.zeros(5, np.float32)
    constants = {"w": noise(1, 5, 27), "one": ones, "zero": zeros, "s": np.array([5, 3, 3, 3])}
    nodes = [
        node("BatchNormalization", ["w", "one", "zero", "zero", "one"], ["n", "m", "v"],
             training_mode=1),
        node("Reshape", ["n", "s"], ["k"]),
        node("Conv", ["x", "k"], ["y"]),
    ]  # fmt: skip
    assert_agrees(make_model(nodes, {"x": IMAGE}, ["y", "m", "v"], constants, 15), {"x": IMAGE})


@pytest.mark.parametrize("opset", [7, 9, 13])
@pytest.mark.parametrize("trains", [True, False])
def test_before_opset_14_five_outputs_mean_statistics_of_what_is_given(opset, trains):
    # Nothing reads the others; that they are there is all that tells the two apart.
    outputs = ["n", "m", "v", "m2", "v2"][: 5 if trains else 1]
    constants = {
        "w": noise(1, 5, 27), "k": noise(5, seed=1), "b": noise(5, seed=2),
        "mean": noise(5, seed=3), "var": np.abs(noise(5, seed=4)), "s": np.array([5, 3, 3, 3]),
    }  # fmt: skip
    nodes = [
        node("BatchNormalization", ["w", "k", "b", "mean", "var"], outputs),
        node("Reshape", ["n", "s"], ["r"]),
        node("Conv", ["x", "r"], ["y"]),
    ]
    model = make_model(nodes, {"x": IMAGE}, ["y", *outputs[1:]], constants, opset)
    assert_agrees(model, {"x": IMAGE})
    only = make_model(nodes, {"x": IMAGE}, ["y"], constants, opset)
    wanted = expected(only, {"x": IMAGE})["y"]
    prepared = prepare(only)
    np.testing.assert_allclose(expected(prepared.model, {"x": IMAGE})["y"], wanted, rtol=1e-4)
    got = to_torch(prepared).run({"x": torch.from_numpy(IMAGE)}, ["y"])["y"]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_statistics_of_activations_are_refused_before_opset_14_too():
    nodes = [node("BatchNormalization", ["x", *["s"] * 4], ["y", "m", "v", "m2", "v2"])]
    model = make_model(nodes, {"x": IMAGE}, ["y"], {"s": np.ones(3, np.float32)}, 9)
    with pytest.raises(ConversionError, match="training mode"):
        to_torch(prepare(model))


@pytest.mark.parametrize(
    ("op_type", "opset", "inputs", "length", "scale"),
    [("Resize", 13, ["x", "", "s"], 20, 0.7), ("Upsample", 9, ["x", "s"], 15, 1.4)],
)
def test_a_scaled_length_is_rounded_as_onnx_runtime_does(op_type, opset, inputs, length, scale):
    # In float32 the product is a whole number; with more digits it is just below one.
    scales = np.array([1, 1, scale, 1], np.float32)
    model = make_model(
        [node(op_type, inputs, ["y"], mode="linear")],
        {"x": noise(1, 1, length, 2)}, ["y"], {"s": scales}, opset,
    )  # fmt: skip
    assert_agrees(model, {"x": noise(1, 1, length, 2)})
