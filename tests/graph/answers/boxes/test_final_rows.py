"""Rows of boxes, scores and labels, in whatever order a file has them."""

import copy

import numpy as np
import onnx
import pytest
from detector_forms import SIDE, boxes_of, truth, written
from onnx import helper, numpy_helper

import onnxplain
from onnxplain.errors import UnsupportedModelError

ORDERS = {
    "score first": [0, 1, 2, 3, 4, 5],
    "label first": [0, 1, 2, 3, 5, 4],
    "label, score, box": [5, 4, 0, 1, 2, 3],
    "score, label, box": [4, 5, 0, 1, 2, 3],
}


def photo():
    return np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def rearranged(columns, *, more=()):
    """The file with its columns in another order, and more nodes behind them."""
    proto = copy.deepcopy(written("end-to-end"))
    for node in proto.graph.node:
        node.output[:] = ["rows" if o == "output0" else o for o in node.output]
    proto.graph.initializer.append(numpy_helper.from_array(np.array(columns), "columns"))
    last = "turned" if more else "output0"
    proto.graph.node.append(helper.make_node("Gather", ["rows", "columns"], [last], axis=2))
    proto.graph.node.extend(more)
    proto.graph.output[0].CopyFrom(
        helper.make_tensor_value_info(
            "output0", onnx.TensorProto.FLOAT, ["batch", 20, len(columns)]
        )
    )
    return proto


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_is_told_by_what_the_columns_hold(order):
    model = onnxplain.load(rearranged(ORDERS[order]), preprocess="zero-one", device="cpu")
    picture = model.read(photo())
    found, said = truth(picture.x, "sigmoid"), model.predict(picture)
    kept = boxes_of(found, 0.25, None, 20)
    assert said.found.labels.tolist() == [k for _, k, _ in kept]
    np.testing.assert_allclose(said.scores, [s for s, _, _ in kept], atol=1e-5)
    np.testing.assert_allclose(said.sides, [found.sides[r] for _, _, r in kept], atol=1e-4)
    assert not any("readings" in w for w in model.warnings)


def test_rows_that_hold_no_labels_are_refused():
    half = numpy_helper.from_array(np.float32(0.3), "shift")
    proto = rearranged(
        ORDERS["score first"], more=[helper.make_node("Add", ["turned", "shift"], ["output0"])]
    )
    proto.graph.initializer.append(half)
    with pytest.raises(UnsupportedModelError, match="not whole numbers"):
        onnxplain.load(proto, preprocess="zero-one", device="cpu")


def test_rows_that_hold_nothing_leave_a_doubt():
    zero = numpy_helper.from_array(np.float32(0), "zero")
    proto = rearranged(
        ORDERS["score first"], more=[helper.make_node("Mul", ["turned", "zero"], ["output0"])]
    )
    proto.graph.initializer.append(zero)
    model = onnxplain.load(proto, preprocess="zero-one", device="cpu")
    assert any("do not tell its readings apart" in w for w in model.warnings)
    assert any("sides of its boxes are read as pixels" in w for w in model.warnings)
    assert model.task.layout.code.unit == (1.0, 1.0)
