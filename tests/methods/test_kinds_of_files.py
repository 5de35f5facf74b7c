"""One small network in files of many kinds: the newer methods and views say the same of each."""

import functools
import itertools

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser
from originals import difference

import onnxplain
from onnxplain.features.concepts.crp import concept_relevance
from onnxplain.features.layer_response import layer_response
from onnxplain.features.similarity import similarity

SIDE = 12
_RNG = np.random.default_rng(5)
WEIGHTS = {
    "k1": _RNG.normal(size=(8, 3, 3, 3)) / 4,
    "b1": _RNG.normal(size=8) / 4,
    "k2": _RNG.normal(size=(6, 8, 3, 3)) / 6,
    "w": _RNG.normal(size=(6, 4)),
}
BODY = (
    "a = Conv<pads = [1,1,1,1]>(x, k1, b1) b = Relu(a) "
    "c = Conv<pads = [1,1,1,1], strides = [2,2]>(b, k2) d = Relu(c) "
    "p = GlobalAveragePool(d) f = Flatten(p) l = MatMul(f, w) "
)
SOFTMAX = BODY + "y = Softmax(l)"
SHAPE = f"3,{SIDE},{SIDE}"
# Input, nodes, outputs: the same network from the picture to the probabilities.
KINDS = {
    "open batch": (f"float[N,{SHAPE}] x", SOFTMAX, "float[N,4] y"),
    "batch of one": (f"float[1,{SHAPE}] x", SOFTMAX, "float[1,4] y"),
    "batch of four": (f"float[4,{SHAPE}] x", SOFTMAX, "float[4,4] y"),
    "channels last": (
        f"float[N,{SIDE},{SIDE},3] image",
        "x = Transpose<perm = [0,3,1,2]>(image)" + SOFTMAX,
        "float[N,4] y",
    ),
    "no batch": (f"float[{SHAPE}] image", "x = Unsqueeze(image, axes)" + SOFTMAX, "float[1,4] y"),
    "bytes": (f"uint8[N,{SHAPE}] image", "u = Cast<to = 1>(image) x = Mul(u, unit)" + SOFTMAX,
              "float[N,4] y"),
    "two outputs": (
        f"float[N,{SHAPE}] x",
        SOFTMAX + " m = ReduceMean<axes = [1], keepdims = 1>(f) s = Sigmoid(m)",
        "float[N,4] y, float[N,1] s",
    ),
    "logits": (f"float[N,{SHAPE}] x", BODY, "float[N,4] l"),
}  # fmt: skip
# More kinds would only repeat the first one's way through the engines.
OTHERS = sorted(set(KINDS) - {"open batch"})
METHODS = {
    "guided-ig": {"steps": 3},
    "blur-ig": {"steps": 3, "max_steps": 3},
    "sobol": {"samples": 8, "regions": 4},
    "hsic": {"samples": 32, "regions": 4},
    "region-search": {"segments": "grid", "regions": 9},
    "libragrad": {},
    "activation": {},
}
PICTURES = np.random.default_rng(1).integers(0, 255, (2, SIDE, SIDE, 3)).astype(np.uint8)
# Layers in float32, added up in another order in other batches.
ROUNDING = 1e-4


@functools.cache
def opened(kind):
    image, body, output = KINDS[kind]
    proto = parser.parse_model(
        f'<ir_version: 8, opset_import: ["": 17]> g ({image}) => ({output}) {{ {body} }}'
    )
    more = {"unit": np.array(1 / 255), "axes": np.array([0])}
    for name, value in {**WEIGHTS, **more}.items():
        if any(name in node.input for node in proto.graph.node):
            kept = value if value.dtype.kind == "i" else value.astype(np.float32)
            proto.graph.initializer.append(numpy_helper.from_array(kept, name))
    onnx.checker.check_model(proto)
    return onnxplain.load(
        proto,
        preprocess="raw" if kind == "bytes" else "zero-one",
        scores="logits" if kind == "logits" else None,
        output="y" if kind == "two outputs" else None,
        device="cpu",
    )


def channels_first(values, kind):
    return np.moveaxis(values, -1, 0) if kind == "channels last" and values.ndim == 3 else values


@functools.cache
def explained(kind, method, picture=0):
    found = opened(kind).explain(PICTURES[picture], method, 2, **METHODS[method])
    return channels_first(found.attribution, kind), found.score


@pytest.mark.parametrize(
    ("method", "kind"),
    # Sobol's pictures are half faded, and bytes round them: other pictures, not another answer.
    sorted({*itertools.product(METHODS, OTHERS)} - {("sobol", "bytes")}),
)
def test_methods_say_the_same_of_each_kind(method, kind):
    (found, score), (expected, expected_score) = (
        explained(k, method) for k in (kind, "open batch")
    )
    assert score == pytest.approx(expected_score, rel=ROUNDING)
    assert difference(found, expected) < ROUNDING
    other, _ = explained("open batch", method, picture=1)
    assert difference(other, expected) > 100 * ROUNDING


def shares(model, picture):
    return concept_relevance(model, picture, "d", target=2, count=2).relevance


def alike(model, picture):
    return similarity(
        model, picture, PICTURES[1 if picture is PICTURES[0] else 0],
        parameters={"window": 4, "stride": 4, "fill_with": "black"},
    ).first.attribution  # fmt: skip


def responses(model, picture):
    """In units of the picture's inputs: a byte is 255 times as small as its share of white."""
    unit = model.preprocess.bounds()[1].max()
    return layer_response(model, picture, "d", count=2).whole * unit


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("view", [shares, alike, responses])
def test_views_say_the_same_of_each_kind(view, kind):
    found, expected, other = (
        view(opened(k), PICTURES[n]) for k, n in ((kind, 0), ("open batch", 0), ("open batch", 1))
    )
    assert difference(channels_first(found, kind), expected) < ROUNDING
    assert difference(other, expected) > 100 * ROUNDING


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_sequence_of_pictures_is_refused_in_one_line(method):
    proto = parser.parse_model(
        f'<ir_version: 8, opset_import: ["": 17]> g (seq(float[N,{SHAPE}]) images) => '
        f"(float[N,4] y) {{ x = SequenceAt(images, first) {SOFTMAX} }}"
    )
    for name, value in {**WEIGHTS, "first": np.array(0)}.items():
        kept = value if value.dtype.kind == "i" else value.astype(np.float32)
        proto.graph.initializer.append(numpy_helper.from_array(kept, name))
    with pytest.raises(onnxplain.errors.OnnxplainError, match="no input looks like an image") as no:
        onnxplain.load(proto, preprocess="zero-one").explain(PICTURES[0], method)
    assert "\n" not in str(no.value)
