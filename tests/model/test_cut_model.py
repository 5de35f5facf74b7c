"""Explained at a tensor inside of the graph's own preprocessing: one network in three forms."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from graphs import SIDE, classifier, value_info
from onnx.helper import make_node as node

import onnxplain
from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.model.cut_model import model_at

MEAN, STD = (118.0, 110.0, 101.0), (61.0, 58.0, 55.0)
PIXELS = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
SMOOTH = np.random.default_rng(1).integers(0, 256, (2 * SIDE, 2 * SIDE, 3), np.uint8)
RECIPE = Preprocess("plain", "NCHW", (SIDE, SIDE), mean=MEAN, std=STD)
NORMALISE = [node("Sub", ["floating", "mean"], ["centred"]), node("Div", ["centred", "std"], ["n"])]
VALUES = {"mean": np.array(MEAN, np.float32), "std": np.array(STD, np.float32)}


def on_floats(precision="double"):
    return onnxplain.load(classifier(final="Softmax"), preprocess=RECIPE, precision=precision)


def on_pixels(*, precision="double", before=NORMALISE, last="n", **constants):
    """The network behind a Cast, a shift and a scale, on uint8 pixels with channels last."""
    before = [*before, node("Identity", [last], ["ready"])]
    proto = classifier(
        final="Softmax", layout="NHWC", dtype=np.uint8, before=before,
        constants={**VALUES, **constants},
    )  # fmt: skip
    return onnxplain.load(proto, preprocess="raw", precision=precision)


def on_larger_pixels(precision="double"):
    """The same for pictures of twice the size, which the graph resizes."""
    proto = classifier(
        final="Softmax", layout="NHWC", dtype=np.uint8,
        before=[
            node("Resize", ["floating", "", "scales"], ["small"], mode="linear"),
            node("Sub", ["small", "mean"], ["centred"]),
            node("Div", ["centred", "std"], ["ready"]),
        ],
        constants={**VALUES, "scales": np.array([1, 0.5, 0.5, 1], np.float32)},
    )  # fmt: skip
    proto.graph.input[0].CopyFrom(value_info("image", ["N", 2 * SIDE, 2 * SIDE, 3], np.uint8))
    return onnxplain.load(proto, preprocess="raw", precision=precision)


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


METHODS = (
    "gradient saliency gradient-x-input integrated-gradients deeplift guided-backprop lrp "
    "occlusion smoothgrad"
).split()


@pytest.mark.parametrize("method", METHODS)
def test_behind_the_preprocessing_it_is_the_plain_network(method):
    wanted = on_floats().explain(PIXELS, method, 1, kind="logit")
    found = model_at(on_pixels(), "normalised").explain(PIXELS, method, 1, kind="logit")
    assert np.ptp(wanted.attribution) > 0
    assert found.axes == wanted.axes
    close(found.attribution, wanted.attribution)
    close(found.score, wanted.score)


def test_derivatives_follow_the_chain_rule():
    model = on_pixels()
    at_pixels, at_float, at_normalised = (
        m.explain(PIXELS, "gradient", 1, kind="logit").attribution
        for m in (model, model_at(model, "float"), model_at(model, "normalised"))
    )
    close(at_float, at_pixels)
    close(at_pixels, np.moveaxis(at_normalised, 0, -1) / STD)


def test_what_is_in_units_of_the_score_does_not_change_with_the_place():
    model = on_pixels()
    for method in ("integrated-gradients", "deeplift"):
        found = [
            m.explain(PIXELS, method, 1, kind="logit") for m in (model, model_at(model, "centred"))
        ]
        assert found[0].notes.get("at") is None
        assert found[1].notes["at"] == "centred"
        close(found[1].attribution, found[0].attribution)


@pytest.mark.parametrize("name", ["float", "small", "normalised"])
def test_the_gradient_is_what_finite_differences_say(name):
    model = on_larger_pixels()
    inner = model_at(model, name)
    gradient = inner.explain(SMOOTH, "gradient", 1, kind="logit").attribution.astype(np.float64)
    x = inner.read(SMOOTH).x.astype(np.float64)
    target = inner.target(1, inner.predict(SMOOTH))
    torch = inner.network.torch
    rng = np.random.default_rng(2)
    for _ in range(8):
        place = (0, *(rng.integers(n) for n in x.shape[1:]))
        step = np.zeros_like(x)
        step[place] = 1e-4 * max(1.0, np.abs(x).max())
        high, low = (
            target.select(torch.activations(v, [target.tensor])[target.tensor])[0]
            for v in (x + step, x - step)
        )
        assert gradient[place[1:]] == pytest.approx((high - low) / (2 * step[place]), abs=1e-9)


def test_the_pixels_of_a_resized_picture_get_the_adjoint_of_the_resizing():
    model = on_larger_pixels()
    at_pixels = model.explain(SMOOTH, "gradient", 1, kind="logit").attribution
    at_small = model_at(model, "small").explain(SMOOTH, "gradient", 1, kind="logit").attribution
    # Half the size with linear interpolation: the mean of two by two pixels.
    close(at_pixels, np.kron(at_small, np.full((2, 2, 1), 0.25)))


def test_a_resized_map_is_laid_over_the_photo():
    found = model_at(on_larger_pixels(), "normalised").explain(SMOOTH, "lrp", 1, kind="logit")
    assert found.attribution.shape == (3, SIDE, SIDE)
    assert found.pixels.shape == SMOOTH.shape
    assert found.heatmap().shape == SMOOTH.shape[:2]
    assert found.measures["parity_error"] <= 1e-3


def test_black_and_the_colour_order_have_their_meaning_there():
    inner = model_at(on_larger_pixels(), "normalised")
    low, high = inner.preprocess.bounds()
    close(low.ravel(), -np.array(MEAN) / STD)
    close(high.ravel(), (255 - np.array(MEAN)) / STD)
    assert inner.preprocess.color == "RGB"
    assert inner.preprocess.size == (SIDE, SIDE)


TURNS = {
    "gathered": ([node("Gather", ["floating", "order"], ["turned"], axis=3)],
                 {"order": np.array([2, 1, 0])}),
    "sliced": ([node("Slice", ["floating", "from", "to", "axes", "steps"], ["turned"])],
               {"from": np.array([-1]), "to": np.array([-(2**63) + 1]), "axes": np.array([3]),
                "steps": np.array([-1])}),
    "clipped": ([node("Gather", ["floating", "order"], ["any"], axis=3),
                 node("Clip", ["any", "low", "high"], ["turned"])],
                {"order": np.array([2, 1, 0]), "low": np.float32(0), "high": np.float32(255)}),
}  # fmt: skip


@pytest.mark.parametrize("form", TURNS)
def test_behind_channels_in_another_order(form):
    """It is the network whose pictures have blue first."""
    nodes, constants = TURNS[form]
    shifted = [
        node("Sub", ["turned", "mean"], ["centred"]), node("Div", ["centred", "std"], ["n"])
    ]  # fmt: skip
    model = on_pixels(before=[*nodes, *shifted], **constants)
    inner = model_at(model, "normalised")
    assert inner.preprocess.color == "BGR"
    plain = onnxplain.load(
        classifier(final="Softmax"), preprocess=replace(RECIPE, color="BGR"), precision="double"
    )
    for method in ("gradient", "occlusion"):
        wanted = plain.explain(PIXELS, method, 1, kind="logit")
        close(inner.explain(PIXELS, method, 1, kind="logit").attribution, wanted.attribution)


def test_some_of_the_channels_are_not_the_picture():
    nodes = [node("Gather", ["floating", "some"], ["turned"], axis=3),
             node("Concat", ["turned", "turned", "turned"], ["n"], axis=3)]  # fmt: skip
    model = on_pixels(before=nodes, some=np.array([1]))
    assert model_at(model, "normalised").network.image.name == "floating"


def test_the_values_are_those_of_onnx_runtime():
    model = on_larger_pixels()
    x = model.read(SMOOTH).x
    wanted = model.network.ort.activations(x, ["small"])["small"]
    np.testing.assert_array_equal(model_at(model, "small").read(SMOOTH).x, wanted)
    session = onnxruntime.InferenceSession(
        model.network.graph.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (scores,) = session.run(["scores"], {"image": x})
    close(model_at(model, "small").predict(SMOOTH).probabilities, scores[0])


def test_the_input_itself_is_the_whole():
    model = on_pixels()
    assert model_at(model, "image") is model
    floats = on_floats()
    assert model_at(floats, "float") is floats


def test_another_name_is_refused_with_those_that_are_meant():
    with pytest.raises(UnknownNameError, match=r"float, normalised.*floating, centred, n, first"):
        model_at(on_pixels(), "maps")


def test_what_is_read_around_the_tensor_is_refused():
    around = [
        *NORMALISE,
        node("ReduceMean", ["floating"], ["m"], keepdims=1),
        node("Add", ["n", "m"], ["sum"]),
    ]
    model = on_pixels(before=around, last="sum")
    with pytest.raises(UnknownNameError, match="allowed: float, normalised"):
        model_at(model, "sum")
    # Two readers end the preprocessing.
    assert model_at(model, "normalised").network.image.name == "floating"


def test_a_negative_is_no_scaled_picture():
    inverted = [node("Mul", ["floating", "minus"], ["n"])]
    model = on_pixels(before=inverted, minus=np.float32(-1))
    with pytest.raises(MethodRefusedError, match=r"'first' does not hold the pixels"):
        model_at(model, "normalised")
    assert model_at(model, "float").network.image.name == "floating"
