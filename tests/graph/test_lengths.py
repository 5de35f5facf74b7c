"""Shapes that would end the process are refused before native code sees them."""

import numpy as np
import onnx
import pytest
from graphs import value_info
from onnx import TensorProto
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
from onnx.numpy_helper import from_array

from onnxplain.errors import ModelFileError
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.prepare import prepare
from onnxplain.graph.shapes import infer_shapes

BOOL, INT64 = TensorProto.BOOL, TensorProto.INT64
IMAGE = ImageInput("x", "float32", "NCHW", 3, (12, 12), None, False)
W = np.ones((3, 3, 3, 3), np.float32)
SLICE = make_node("Slice", ["q", "zeros", "ones"], ["y"])
FAR = 2**62


def shapes(nodes, image=IMAGE, opset=17, **constants):
    """Shapes of a graph that is not inferred when it is made."""
    constants |= {"zeros": np.zeros(4, np.int64), "ones": np.ones(4, np.int64)}
    graph = make_graph(
        nodes, "g",
        [value_info("x", ["N", 3, *image.size])], [value_info("y", [None] * 4)],
        [from_array(np.array(v), n) for n, v in constants.items()],
    )  # fmt: skip
    return infer_shapes(prepare(make_model(graph, opset_imports=[make_opsetid("", opset)])), image)


NEGATIVE = {
    "a padding": (make_node("Pad", ["x", "n"], ["q"]), {"n": [0, 0, -20, 0, 0, 0, 0, 0]}),
    "a pool": (make_node("MaxPool", ["x"], ["q"], kernel_shape=[99, 1]), {}),
    "a dilation": (make_node("Conv", ["x", "w"], ["q"], dilations=[1000, 1]), {"w": W}),
    "an end": (make_node("ConvTranspose", ["x", "w"], ["q"], pads=[99, 0, 99, 0]), {"w": W}),
    "a scale": (
        make_node("Resize", ["x", "", "n"], ["q"]), {"n": np.array([1, 1, -5, 1], np.float32)},
    ),
    "a part": (make_node("Split", ["x", "n"], ["q", "rest"], axis=1), {"n": [-5, 8]}),
    "a count": (make_node("TopK", ["x", "n"], ["q", "at"], axis=2), {"n": [-5]}),
}  # fmt: skip


@pytest.mark.parametrize("case", NEGATIVE)
def test_a_negative_length_in_front_of_a_slice_is_refused(case):
    node, constants = NEGATIVE[case]
    with pytest.raises(ModelFileError, match=r"tensor 'q' would have the shape .*-"):
        shapes([node, SLICE], **constants)


@pytest.mark.parametrize("case", NEGATIVE)
def test_without_a_slice_it_is_left_to_onnx_runtime(case):
    node, constants = NEGATIVE[case]
    assert "q" not in shapes([node, make_node("Relu", ["q"], ["y"])], **constants)


def test_between_two_slices():
    """The first one cuts the picture so small that the second one reads nothing."""
    nodes = [
        make_node("Slice", ["x", "zeros", "ends"], ["part"]),
        make_node("MaxPool", ["part"], ["q"], kernel_shape=[5, 5]),
        SLICE,
    ]
    assert shapes(nodes, ends=[1, 3, 9, 9])["q"] == (1, 3, 5, 5)
    with pytest.raises(ModelFileError, match="1 x 3 x -1 x 5"):
        shapes(nodes, ends=[1, 3, 3, 9])


def test_in_the_body_of_a_branch():
    body = make_graph(
        [make_node("Slice", ["q", "zeros", "ones"], ["in"])], "b", [], [value_info("in", None)]
    )
    nodes = [
        make_node("MaxPool", ["x"], ["q"], kernel_shape=[99, 1]),
        make_node("ReduceMax", ["x"], ["m"], keepdims=0),
        make_node("Cast", ["m"], ["yes"], to=onnx.TensorProto.BOOL),
        make_node("If", ["yes"], ["y"], then_branch=body, else_branch=body),
    ]
    with pytest.raises(ModelFileError, match="tensor 'q'"):
        shapes(nodes)


def test_a_picture_that_is_too_small_is_the_reason():
    nodes = [make_node("Conv", ["x", "w"], ["q"]), SLICE]
    assert shapes(nodes, w=W)["y"] == (1, 1, 1, 1)
    small = ImageInput("x", "float32", "NCHW", 3, (1, 12), None, False)
    with pytest.raises(ModelFileError, match="the input is too small"):
        shapes(nodes, small, w=W)


OVERFLOWING = {
    "Conv": make_node("Conv", ["x", "w"], ["q"], dilations=[FAR, 1]),
    "ConvTranspose": make_node("ConvTranspose", ["x", "w"], ["q"], strides=[FAR, 1]),
    "MaxPool": make_node("MaxPool", ["x"], ["q"], kernel_shape=[1, 1], pads=[FAR, 0, FAR, 0]),
    "Pad": make_node("Pad", ["x", "n"], ["q"]),
    "Tile": make_node("Tile", ["x", "n"], ["q"]),
}


@pytest.mark.parametrize("case", OVERFLOWING)
def test_what_overflows_64_bits_is_refused(case):
    length = [1, 1, FAR, 1] if case == "Tile" else [0, 0, FAR, 0, 0, 0, FAR, 0]
    with pytest.raises(ModelFileError, match=rf"{case} \(tensor 'q'\).*2,147,483,647"):
        shapes([OVERFLOWING[case], SLICE], w=W, n=length)


def test_a_number_that_is_computed_from_constants_is_refused_too():
    nodes = [
        make_node("Mul", ["n", "n"], ["far"]),
        make_node("Tile", ["x", "far"], ["q"]),
        SLICE,
    ]
    with pytest.raises(ModelFileError, match="repeats its input"):
        shapes(nodes, n=np.array([1, 1, 2**31, 1]))


@pytest.mark.parametrize("op_type", ["LSTM", "GRU"])
@pytest.mark.parametrize(("ends", "is_empty"), [([1, 3, 12, 12], False), ([0, 3, 12, 12], True)])
def test_a_recurrent_layer_that_reads_nothing_is_refused(op_type, ends, is_empty):
    """ONNX Runtime shares out sequences among threads, and ends the process at none."""
    count = {"LSTM": 4, "GRU": 3}[op_type]
    nodes = [
        make_node("Slice", ["x", "zeros", "ends"], ["q"]),
        make_node("ReduceMean", ["q"], ["m"], axes=[1], keepdims=0),
        make_node(op_type, ["m", "u", "v"], ["y"], hidden_size=5),
    ]
    constants = {
        "u": np.ones((1, 5 * count, 12), np.float32), "v": np.ones((1, 5 * count, 5), np.float32)
    }  # fmt: skip
    if not is_empty:
        assert shapes(nodes, ends=ends, **constants)["y"] == (1, 1, 12, 5)
        return
    with pytest.raises(
        ModelFileError, match=rf"{op_type} \(tensor 'y'\) reads 'm', which is empty"
    ):
        shapes(nodes, ends=ends, **constants)


# A list of 2**40 numbers would give as many axes.
ENDLESS = {
    "an expansion": [make_node("Expand", ["one", "far"], ["list"])],
    "a repetition": [make_node("Tile", ["one", "far"], ["list"])],
    "a joined list": [
        make_node("Expand", ["one", "far"], ["long"]),
        make_node("Concat", ["long", "one"], ["list"], axis=0),
    ],
}


@pytest.mark.parametrize("case", ENDLESS)
@pytest.mark.parametrize("reader", ["Reshape", "Expand", "Unsqueeze"])
def test_a_list_of_axes_without_end_is_refused(case, reader):
    nodes = [*ENDLESS[case], make_node(reader, ["x", "list"], ["y"])]
    with pytest.raises(ModelFileError, match=r"'list' as a list of lengths .* numbers; at most"):
        shapes(nodes, one=[1], far=[2**20])


@pytest.mark.parametrize("reader", ["Mul", "Add", "Concat", "Unsqueeze", "Gather", "Cast"])
def test_an_endless_tensor_of_one_axis_is_refused(reader):
    more = {"Unsqueeze": ["zero"], "Gather": ["zero"], "Cast": []}.get(reader, ["one"])
    options = {"Concat": {"axis": 0}, "Cast": {"to": 7}}.get(reader, {})
    nodes = [
        make_node("ReduceMax", ["x"], ["m"], keepdims=0),
        make_node("Expand", ["m", "far"], ["long"]),
        make_node(reader, ["long", *more], ["y"], **options),
    ]
    with pytest.raises(ModelFileError, match="'long' would have 1,099,511,627,776 numbers"):
        shapes(nodes, one=np.ones(1, np.float32), zero=[0], far=[2**40])


def test_a_computed_list_of_axes_is_read():
    nodes = [
        make_node("Shape", ["x"], ["list"]),
        make_node("Reshape", ["x", "list"], ["r"]),
        make_node("Relu", ["r"], ["y"]),
    ]
    assert shapes(nodes)["r"] == (1, 3, 12, 12)


def body(name, node):
    return make_graph([node], name, [], [value_info("out", [])])


@pytest.mark.parametrize("count", ["computed", "given"])
def test_a_count_or_a_condition_without_a_number_is_refused(count):
    step = make_graph(
        [make_node("Identity", ["on"], ["go"]), make_node("Relu", ["v"], ["w"])], "step",
        [make_tensor_value_info("i", INT64, []), make_tensor_value_info("on", BOOL, []),
         value_info("v", None)],
        [make_tensor_value_info("go", BOOL, []), value_info("w", None)],
    )  # fmt: skip
    shape = make_node("Shape", ["one"], ["none"])  # of a single number: it has no axis
    loop = make_node("Loop", ["none", "", "x"], ["y"], body=step)
    made = [shape] if count == "computed" else []
    given = {} if made else {"none": np.zeros(0, np.int64)}
    with pytest.raises(ModelFileError, match=r"Loop .*'none', which is empty; one number"):
        shapes([*made, loop], one=np.float32(1), **given)
    condition = [make_node("Cast", ["none"], ["cond"], to=BOOL)]
    branches = {
        "then_branch": body("there", make_node("Relu", ["x"], ["out"])),
        "else_branch": body("other", make_node("Neg", ["x"], ["out"])),
    }
    choice = make_node("If", ["cond"], ["y"], **branches)
    with pytest.raises(ModelFileError, match=r"If .*'cond', which is empty; one number"):
        shapes([*made, *condition, choice], one=np.float32(1), **given)
