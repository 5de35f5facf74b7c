"""One classifier written in many ways gives one explanation, by every method."""

import functools

import graphs
import numpy as np
import pytest
from applicable import WITHOUT_ATTENTION
from graphs import classifier
from onnx.helper import make_node as node

import onnxplain
from onnxplain.methods import registered

PICTURE = np.random.default_rng(5).integers(0, 256, (graphs.SIDE, graphs.SIDE, 3), np.uint8)
FORMS = {
    "an extra output": {"extra": True},
    "Softmax": {"final": "Softmax"},
    "LogSoftmax": {"final": "LogSoftmax"},
    "Sigmoid": {"final": "Sigmoid"},
    "Softmax and extra outputs": {"final": "Softmax", "extra": True},
    "batch of one": {"batch": 1},
    "batch of four": {"batch": 4},
    "channels last": {"layout": "NHWC"},
    "channels last, batch of four, Softmax": {"layout": "NHWC", "batch": 4, "final": "Softmax"},
}
# Fewer steps than usual; every form takes the same ones.
FAST = {
    "integrated-gradients": {"steps": 8, "max_steps": 8},
    "expected-gradients": {"samples": 8},
    "guided-ig": {"steps": 4},
    "blur-ig": {"steps": 8, "max_steps": 8},
    "smoothgrad": {"samples": 4},
    "smoothgrad-squared": {"samples": 4},
    "vargrad": {"samples": 4},
    "occlusion": {"window": 4, "stride": 3},
    "rise": {"samples": 64},
    "prediction-difference": {"samples": 3, "window": 4},
    "lime": {"samples": 64, "segments": "grid", "regions": 9},
    "kernel-shap": {"samples": 64, "segments": "grid", "regions": 9},
    "sobol": {"samples": 8, "regions": 9},
    "hsic": {"samples": 64, "regions": 9},
    "region-search": {"segments": "grid", "regions": 9},
}
# They draw a random number for every element, in the order in which these lie in memory.
DRAWN_IN_ORDER = {"smoothgrad", "smoothgrad-squared", "vargrad"}
FORWARD = 1e-5  # ONNX Runtime computes in float32
BACKWARD = 1e-10


@functools.cache
def opened(name=None, classes=graphs.CLASSES):
    form = FORMS[name] if name else {}
    proto = classifier(classes=classes, **form)
    # A bare output holds logits because somebody says so.
    said = {} if "final" in form else {"scores": "logits"}
    said |= {"task": "yes-no"} if classes == 1 else {}
    return onnxplain.load(
        proto, preprocess="minus-one-one", precision="double", device="cpu", **said
    )


@functools.cache
def explained(method, name=None, classes=graphs.CLASSES, target=None, kind=None):
    options = FAST.get(method, {})
    return opened(name, classes).explain(PICTURE, method, target, kind=kind, **options)


def channels_first(found):
    values = found.attribution
    return np.moveaxis(values, -1, 0) if found.axes == ("H", "W", "C") else values


def assert_same(found, expected, method):
    tolerance = FORWARD if registered()[method].runs_on == "ONNX Runtime" else BACKWARD
    wanted, got = channels_first(expected), channels_first(found)
    assert np.ptp(wanted) > 0
    assert np.abs(got - wanted).max() < tolerance * np.abs(wanted).max()
    assert found.target.index == expected.target.index
    assert found.score == pytest.approx(expected.score, rel=FORWARD)
    assert found.layer == expected.layer
    for name, value in expected.measures.items():
        if name != "parity_error":  # it is of the file, not of the explanation
            assert found.measures[name] == pytest.approx(value, rel=1e-4, abs=FORWARD), name
    assert leaks(found) == pytest.approx(leaks(expected), rel=1e-6, abs=1e-9)


def leaks(found):
    """Relevance that each tensor absorbs; the last one has the name of the output or not."""
    listed = found.notes.get("leaks", ())
    names = {"scores": "logits"}
    return {names.get(k["tensor"], k["tensor"]): k["absorbed"] for k in listed}


@pytest.mark.parametrize("method", WITHOUT_ATTENTION)
@pytest.mark.parametrize("name", FORMS)
def test_every_form_and_method(name, method):
    if FORMS[name].get("layout") == "NHWC" and method in DRAWN_IN_ORDER:
        # A different draw of the same noise: alike, and not the same.
        one, other = (channels_first(explained(method, n)) for n in (name, None))
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.5
        return
    # The probabilities of a Sigmoid are not those of a Softmax, but the logits are the same.
    assert_same(explained(method, name, kind="logit"), explained(method, kind="logit"), method)


@pytest.mark.parametrize("name", [n for n in FORMS if n != "Sigmoid"])
def test_occlusion_of_the_probability(name):
    found, expected = (explained("occlusion", n, kind="probability") for n in (name, None))
    assert found.target.kind == "probability"
    assert_same(found, expected, "occlusion")


@pytest.mark.parametrize("method", WITHOUT_ATTENTION)
def test_another_class_has_another_explanation(method):
    first = explained(method, kind="logit")
    other = explained(method, kind="logit", target=(first.target.index + 1) % graphs.CLASSES)
    if method in ("eigen-cam", "activation"):  # it does not look at the class
        np.testing.assert_array_equal(other.attribution, first.attribution)
    else:
        change = np.abs(other.attribution - first.attribution).max()
        assert change > 0.01 * np.abs(first.attribution).max()


@pytest.mark.parametrize("method", WITHOUT_ATTENTION)
@pytest.mark.parametrize("kind", [None, "logit"])
def test_a_single_score_with_and_without_sigmoid(method, kind):
    options = {"classes": 1, "target": "yes", "kind": kind}
    found, expected = (explained(method, n, **options) for n in ("Sigmoid", None))
    assert found.target.index == 1
    assert_same(found, expected, method)


def test_the_probability_of_a_single_score_is_its_sigmoid():
    plain, closed = (opened(n, 1).predict(PICTURE) for n in (None, "Sigmoid"))
    no, yes = plain.logits
    assert no == -yes
    assert plain.probabilities.sum() == 1.0
    np.testing.assert_allclose(plain.probabilities[1], 1 / (1 + np.exp(-yes)), rtol=1e-6)
    np.testing.assert_allclose(closed.probabilities, plain.probabilities, rtol=1e-5)


@pytest.mark.parametrize("name", [n for n in FORMS if n != "Sigmoid"])
def test_predictions_are_the_same(name):
    found, expected = opened(name).predict(PICTURE), opened().predict(PICTURE)
    np.testing.assert_allclose(found.logits, expected.logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=1e-5, atol=1e-7)
    assert found.probabilities.sum() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("method", ["cam", "grad-cam", "hirescam", "occlusion"])
@pytest.mark.parametrize(("dtype", "layout"), [(np.uint8, "NHWC"), (np.float32, "NCHW")])
def test_normalisation_inside_of_the_graph(method, dtype, layout):
    """Attributions of maps and of covered windows do not depend on who scales the pixels."""
    start = "floating" if dtype is np.uint8 else "image"
    nodes = [node("Sub", [start, "grey"], ["zero"]), node("Div", ["zero", "grey"], ["ready"])]
    proto = classifier(
        layout=layout, dtype=dtype, before=nodes, constants={"grey": np.float32(127.5)}
    )
    model = onnxplain.load(proto, precision="double", device="cpu")
    assert model.preprocess.name == "raw"
    assert model.preprocess.dtype == np.dtype(dtype).name
    # Black, not the mean: integer inputs would round that.
    options = {"fill_with": "black", **FAST["occlusion"]} if method == "occlusion" else {}
    found, expected = (
        m.explain(PICTURE, method, 1, kind="logit", **options) for m in (model, opened())
    )
    wanted = expected.attribution
    assert np.abs(found.attribution - wanted).max() < 1e-4 * np.abs(wanted).max()
