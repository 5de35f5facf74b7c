"""The way back through whole graphs."""

import numpy as np
import pytest
from onnx.helper import make_node as node

from onnxplain.errors import ConversionError
from tests.convert.forms import noise
from tests.convert.oracle import make_model
from tests.symbolic.written import by_torch, in_double, run, seed_name, written


def slopes(model, feeds, wanted, seed, shapes):
    whole = written(in_double(model), shapes, wanted, list(seed))
    names = [o.name for o in whole.graph.output]
    seeds = {seed_name(o): s for o, s in seed.items()}
    found = run(whole, {**feeds, **seeds}, names)
    return [found[n] for n in names]


def test_what_arrives_by_several_ways_is_added_up():
    nodes = [
        node("Relu", ["x"], ["a"]),
        node("Mul", ["a", "x"], ["b"]),
        node("Add", ["b", "a"], ["y"]),
    ]
    x = noise(2, 3).astype(np.float64)
    model = make_model(nodes, {"x": x.astype(np.float32)}, ["y"])
    (found,) = slopes(model, {"x": x}, ["x"], {"y": np.ones((2, 3))}, [{"x": x}])
    np.testing.assert_allclose(found, np.where(x > 0, 2 * x + 1, 0), atol=1e-12)


def test_slopes_at_a_layer_and_the_input_come_from_one_pass():
    nodes = [
        node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", ["a"], ["b"]),
        node("GlobalAveragePool", ["b"], ["c"]),
        node("Flatten", ["c"], ["d"]),
        node("Gemm", ["d", "v"], ["y"], transB=1),
    ]
    constants = {"w": noise(4, 3, 3, 3, seed=1), "v": noise(5, 4, seed=2)}
    x = noise(2, 3, 7, 6).astype(np.float64)
    model = make_model(nodes, {"x": x.astype(np.float32)}, ["y"], constants)
    seed = {"y": noise(2, 5, seed=3).astype(np.float64)}
    at_layer, at_input = slopes(model, {"x": x}, ["b", "x"], seed, [{"x": x}])
    (expected,) = by_torch(in_double(model), {"x": x}, ["x"], seed)
    np.testing.assert_allclose(at_input, expected, atol=1e-12)
    share = seed["y"] @ constants["v"].astype(np.float64) / (4 * 3)
    np.testing.assert_allclose(at_layer, share[..., None, None] * np.ones((4, 3)), atol=1e-12)


def test_a_mask_hides_an_infinite_slope():
    """The root's derivative at zero is infinite, and a rectifier lets none of it through."""
    nodes = [node("Relu", ["x"], ["a"]), node("Sqrt", ["a"], ["y"])]
    x = np.array([[-1.0, 0.0, 0.25, 4.0]])
    model = make_model(nodes, {"x": x.astype(np.float32)}, ["y"])
    (found,) = slopes(model, {"x": x}, ["x"], {"y": np.ones((1, 4))}, [{"x": x}])
    np.testing.assert_allclose(found, [[0.0, 0.0, 1.0, 0.25]], atol=1e-12)


def test_the_batch_stays_open():
    nodes = [
        node("Reshape", ["x", "shape"], ["a"]),
        node("Softmax", ["a"], ["b"], axis=-1),
        node("MatMul", ["b", "w"], ["y"]),
    ]
    constants = {"w": noise(6, 2, seed=1), "shape": np.array([-1, 6])}
    feeds = [{"x": noise(n, 2, 3, seed=n).astype(np.float64)} for n in (2, 3, 5)]
    model = make_model(nodes, {"x": noise(2, 2, 3)}, ["y"], constants)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    seed = {"y": noise(5, 2, seed=4).astype(np.float64)}
    (found,) = slopes(model, feeds[2], ["x"], seed, feeds[:2])
    (expected,) = by_torch(in_double(model), feeds[2], ["x"], seed)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_operators_without_a_rule_are_named():
    nodes = [
        node("Det", ["x"], ["a"]),
        node("Mul", ["a", "a"], ["y"]),
    ]
    x = {"x": noise(2, 3, 3)}
    model = make_model(nodes, x, ["y"])
    with pytest.raises(ConversionError, match=r"known for Det \('a'\); `explain`"):
        written(model, [x], ["x"], ["y"])


def test_what_is_off_the_way_needs_no_rule():
    nodes = [
        node("Det", ["x"], ["a"]),
        node("ArgMax", ["x"], ["i"], axis=2),
        node("Relu", ["x"], ["y"]),
    ]
    x = {"x": noise(2, 3, 3)}
    model = make_model(nodes, x, ["y", "a", "i"])
    assert written(model, [x], ["x"], ["y"]).graph.output


def test_attributes_that_a_rule_does_not_know_are_refused():
    pool = node("MaxPool", ["x"], ["y", "where"], kernel_shape=[2, 2])
    after = node("Cast", ["where"], ["z"], to=1)
    nodes = [pool, after, node("ReduceSum", ["z"], ["t"]), node("Mul", ["y", "t"], ["u"])]
    x = {"x": noise(1, 2, 4, 4)}
    assert written(make_model(nodes, x, ["u"]), [x], ["x"], ["u"]).graph.output
    resize = node("Resize", ["x", "", "s"], ["y"], mode="linear", antialias=1)
    model = make_model([resize], x, ["y"], {"s": np.array([1, 1, 0.5, 0.5], np.float32)}, 18)
    with pytest.raises(ConversionError, match="antialias"):
        written(model, [x], ["x"], ["y"])


def test_a_tensor_without_influence_is_refused():
    nodes = [node("Relu", ["x"], ["a"]), node("Neg", ["x"], ["y"])]
    x = {"x": noise(2, 3)}
    with pytest.raises(ConversionError, match="'a' has no influence"):
        written(make_model(nodes, x, ["y", "a"]), [x], ["a"], ["y"])
