"""Nodes between given tensors and wanted ones, as a model that ONNX Runtime can run."""

import numpy as np
import onnx
import onnxruntime
from adapters.incremental.exact import IMAGE, SIDE, WEIGHTS, case, convolved, tensors

from onnxplain.adapters.incremental.submodel import extract
from onnxplain.graph.extract import SMALL
from onnxplain.graph.light import filled_in

X = np.random.default_rng(2).integers(-3, 4, (2, 3, SIDE, SIDE)).astype(np.float32)


def run(found, feeds):
    """Outputs of a part by ONNX Runtime alone; it is fed exactly what it declares."""
    whole = filled_in(onnx.load_model_from_string(found.file), found.weights)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(whole.SerializeToString(), options)
    assert {i.name for i in session.get_inputs()} == set(feeds)
    return session.run(list(found.outputs), feeds)


def test_it_holds_what_lies_between_and_no_more():
    found = extract(case().sections, ["b"], ["d"], crops=True)
    assert (found.inputs, found.outputs, found.bound) == (("b",), ("d",), ())
    assert not found.reshapes
    assert not found.measured
    graph = onnx.load_model_from_string(found.file).graph
    assert [n.output[0] for n in graph.node] == ["c", "d"]
    assert [t.name for t in graph.initializer] == ["k2"]
    wanted = tensors(X)
    np.testing.assert_array_equal(run(found, {"b": wanted["b"]})[0], wanted["d"])


def test_it_can_leave_padding_to_the_caller():
    """Whether pads are written, or follow from the size of the whole."""
    for padding in ("pads = [1,1,1,1]", 'auto_pad = "SAME_UPPER"'):
        body = f"b = Conv<{padding}>(image, k1) g = GlobalMaxPool(b) scores = Flatten(g)"
        found = extract(case(body).sections, ["image"], ["b"], crops=True, pads=False)
        wanted = convolved(X, WEIGHTS["k1"])[:, :, 1:-1, 1:-1]
        np.testing.assert_array_equal(run(found, {"image": X})[0], wanted)


def test_large_weights_are_the_graphs_own():
    body = "a = Conv(image, large) g = GlobalMaxPool(a) scores = Flatten(g)"
    large = np.random.default_rng(0).integers(-2, 3, (SMALL, 3, 1, 1)).astype(np.float32)
    made = case(body, large=large)
    found = extract(made.sections, ["image"], ["a"], crops=True)
    assert found.weights["large"] is made.network.graph.constant("large")
    assert len(found.file) < large.nbytes
    wanted = np.einsum("nchw,kc->nkhw", X, large[:, :, 0, 0])
    np.testing.assert_array_equal(run(found, {"image": X})[0], wanted)


def reshaping():
    return case(
        """
        a = Conv<pads = [1,1,1,1]>(image, k1) r = Reshape(a, apart)
        c = ReduceMax<axes = [2], keepdims = 0>(r) g = GlobalMaxPool(c) scores = Flatten(g)
        """,
        apart=np.array([-1, 2, 2, SIDE, SIDE]),
    )


def test_a_reshape_of_crops_takes_its_shape_as_an_input():
    found = extract(reshaping().sections, ["image"], ["r"], crops=True)
    (name,) = found.reshapes
    assert found.reshapes == {name: "r"}
    crop = X[:, :, 2:7, 1:4]
    shape = np.array([2, 2, 2, 5, 3])
    wanted = convolved(crop, WEIGHTS["k1"]).reshape(shape)
    np.testing.assert_array_equal(run(found, {"image": crop, name: shape})[0], wanted)


def test_a_reshape_of_whole_tensors_keeps_what_the_file_says():
    found = extract(reshaping().sections, ["image"], ["r"], crops=False)
    assert not found.reshapes
    wanted = convolved(X, WEIGHTS["k1"]).reshape(2, 2, 2, SIDE, SIDE)
    np.testing.assert_array_equal(run(found, {"image": X})[0], wanted)


def measuring():
    return case(
        """
        s = Shape<start = 0, end = 1>(image) b = Relu(image) t = Concat<axis = 0>(s, rest)
        m = MaxPool<kernel_shape = [12,12]>(b) scores = Reshape(m, rest)
        """.replace("(m, rest)", "(m, t)"),
        names=("scores",),
        rest=np.array([3]),
    )


def test_a_shape_that_was_measured_in_front_is_an_input():
    """It is that of the whole batch, which the rest does not see."""
    made = measuring()
    found = extract(made.sections, ["b"], ["scores"], crops=False)
    (name,) = found.measured
    assert found.measured[name].op_type == "Shape"
    feeds = {"b": np.maximum(X, 0), name: np.array([2])}
    np.testing.assert_array_equal(run(found, feeds)[0], np.maximum(X.max(axis=(2, 3)), 0))


def test_a_shape_of_a_given_tensor_is_measured_there():
    made = measuring()
    found = extract(made.sections, ["image"], ["scores"], crops=False)
    assert not found.measured
    np.testing.assert_array_equal(run(found, {"image": X})[0], np.maximum(X.max(axis=(2, 3)), 0))


def test_further_inputs_of_the_model_are_named():
    made = case(
        "b = Relu(image) g = GlobalMaxPool(b) f = Flatten(g) scores = Mul(f, gain)",
        image=f"{IMAGE}, float[1] gain",
        bound={"gain": np.array([3.0], np.float32)},
    )
    found = extract(made.sections, ["b"], ["scores"], crops=False)
    assert found.bound == ("gain",)
    feeds = {"b": X, "gain": np.array([5.0], np.float32)}
    np.testing.assert_array_equal(run(found, feeds)[0], 5 * X.max(axis=(2, 3)))
    assert extract(made.sections, ["image"], ["b"], crops=True).bound == ()
