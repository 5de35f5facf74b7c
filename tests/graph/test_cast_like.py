"""A constant that is cast as another tensor is: folded wherever the type is known."""

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from onnxplain.graph.prepare import prepare

X = np.random.default_rng(0).uniform(-9, 9, (2, 3)).astype(np.float32)
BOUNDS = "<double zero = {0.0}, double six = {6.0}>"


def parsed(body):
    text = '<ir_version: 8, opset_import: ["": 18]> g(float[N,3] image) => (float[N,3] y) '
    return onnx.parser.parse_model(f"{text}{BOUNDS} {{ {body} }}")


CLIPS = {
    "like the picture": "l = CastLike(zero, image) h = CastLike(six, image) y = Clip(image, l, h)",
    "like a tensor without a declared type": "x = Neg(image) l = CastLike(zero, x) "
    "h = CastLike(six, x) y = Clip(x, l, h)",
    "like another constant": "o = Constant<value_float = 1.0>() l = CastLike(zero, o) "
    "h = CastLike(six, o) y = Clip(image, l, h)",
}


def computed(proto):
    return ReferenceEvaluator(proto).run(None, {"image": X})[0]


@pytest.mark.parametrize("body", CLIPS.values(), ids=CLIPS)
def test_bounds_become_constants(body):
    proto = parsed(body)
    graph = prepare(proto)
    clip = graph.nodes[-1]
    assert {n.op_type for n in graph.nodes} <= {"Neg", "Clip"}
    bounds = [graph.constant(n) for n in clip.inputs[1:]]
    assert [b.dtype for b in bounds] == [np.float32] * 2
    assert [float(b) for b in bounds] == [0.0, 6.0]
    np.testing.assert_array_equal(computed(graph.model), computed(proto))


def test_the_name_stays():
    graph = prepare(parsed(CLIPS["like the picture"]))
    assert list(graph.nodes[0].inputs) == ["image", "l", "h"]


def test_an_output_stays_computed():
    graph = prepare(parsed("o = CastLike(six, image) y = Add(image, o)"))
    assert [n.op_type for n in graph.nodes] == ["Add"]
    text = '<ir_version: 8, opset_import: ["": 18]> g(float[N,3] image) => (float y) '
    only = onnx.parser.parse_model(f"{text}{BOUNDS} {{ y = CastLike(six, image) }}")
    assert [n.op_type for n in prepare(only).nodes] == ["Cast"]
    np.testing.assert_array_equal(computed(prepare(only).model), computed(only))


def test_what_varies_is_left_alone():
    body = "i = Cast<to = 7>(image) c = CastLike(i, image) y = Add(image, c)"
    assert [n.op_type for n in prepare(parsed(body)).nodes] == ["Cast", "CastLike", "Add"]


def test_the_attribute_comes_along():
    """Beyond the range of an eight-bit float: infinite, unless saturated."""
    large = "<float large = {1e6}, float8e4m3fn one = {1}>"
    found = {}
    for saturate in (0, 1):
        text = '<ir_version: 9, opset_import: ["": 19]> g(float[N,3] image) => (float[N,3] y) '
        body = f"c = CastLike<saturate = {saturate}>(large, one) f = Cast<to = 1>(c) "
        proto = onnx.parser.parse_model(f"{text}{large} {{ {body} y = Add(image, f) }}")
        graph = prepare(proto)
        assert [n.op_type for n in graph.nodes] == ["Add"]
        found[saturate] = float(graph.constant("f"))
    assert np.isnan(found[0])
    assert found[1] == 448.0
