"""The graph in PyTorch: which numbers go in, on which device, and what leads back."""

import graphs
import numpy as np
import pytest
import torch
from graphs import classifier
from handmade import model

from onnxplain.adapters.converted import Converted, as_array
from onnxplain.errors import ConversionError, UsageError
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.composites import composite

IMAGE = "float[N,3,6,6] image"
X = np.random.default_rng(0).normal(size=(2, 3, 6, 6))


def converted(body, *, image=IMAGE, output="float[N,C,H,W] scores", bound=None, **more):
    graph = prepare(model(body, image=image, output=output))
    options = {"device": "cpu", "double": True, **more}
    return Converted(graph, "image", bound=bound or {}, **options)


@pytest.mark.parametrize(("double", "dtype"), [(True, torch.float64), (False, torch.float32)])
def test_pixels_become_floating_and_integers_beside_stay(double, dtype):
    made = converted("scores = Relu(image)", double=double)
    for kind in (np.uint8, np.float16, np.float64):
        assert made.tensor(np.array([3, 5], kind)).dtype is dtype
    assert made.side_input(np.array([3, 5], np.int64)).dtype is torch.int64
    assert made.side_input(np.array([True])).dtype is torch.bool
    assert made.side_input(np.array([0.5], np.float16)).dtype is dtype


def test_arrays_are_copied():
    made = converted("scores = Relu(image)")
    values = np.ones(3)
    tensor = made.tensor(values)
    values[:] = 7
    assert tensor.tolist() == [1, 1, 1]


def test_it_computes_in_float64_with_what_is_bound():
    gain = np.array(1 / 3)
    made = converted(
        "a = Mul(image, gain) scores = Exp(a)", image=f"{IMAGE}, float gain", bound={"gain": gain}
    )
    leaf = made.tensor(X).requires_grad_()
    found = made.compute(made.feeds(leaf), ["scores", "a"])
    assert list(found) == ["scores", "a"]
    np.testing.assert_allclose(found["scores"], np.exp(X / 3), rtol=1e-14)
    np.testing.assert_allclose(found["a"], X / 3, rtol=1e-14)


def test_derivatives_lead_to_the_leaf():
    made = converted("a = Tanh(image) scores = Mul(a, a)")
    leaf = made.tensor(X).requires_grad_()
    values = made.attached(leaf, ["scores", "a"], None)
    (slope,) = torch.autograd.grad(values["scores"].sum(), [leaf])
    np.testing.assert_allclose(slope, 2 * np.tanh(X) / np.cosh(X) ** 2, rtol=1e-12)
    np.testing.assert_allclose(as_array(values["a"]), np.tanh(X), rtol=1e-14)


@pytest.mark.parametrize(
    ("rectify", "passes"),
    [
        (None, lambda x, s: x > 0),
        ("guided", lambda x, s: (x > 0) & (s > 0)),
        ("deconvnet", lambda x, s: s > 0),
        ("linear", lambda x, s: np.ones_like(x)),
    ],
)
def test_signals_pass_rectifiers_as_they_are_told_to(rectify, passes):
    made = converted("scores = Relu(image)")
    leaf = made.tensor(X).requires_grad_()
    values = made.attached(leaf, ["scores"], rectify)
    np.testing.assert_array_equal(as_array(values["scores"]), np.maximum(X, 0))
    signal = np.random.default_rng(1).normal(size=X.shape)
    (slope,) = torch.autograd.grad(values["scores"], [leaf], torch.from_numpy(signal))
    np.testing.assert_array_equal(slope, signal * passes(X, signal))


def test_small_slopes_of_a_float16_file_do_not_vanish():
    """Below 6e-8, float16 has no numbers left."""
    body = "h = Cast<to = 10>(image) a = Mul(h, s) b = Mul(a, s) scores = Mul(b, s)"
    graph = prepare(model(body, s=np.array(1e-3, np.float16), output="float16[N,C,H,W] scores"))
    made = Converted(graph, "image", device="cpu", bound={}, double=False)
    leaf = made.tensor(X).requires_grad_()
    values = made.attached(leaf, ["scores"], None)
    (slope,) = torch.autograd.grad(values["scores"].sum(), [leaf])
    wanted = float(np.float16(1e-3)) ** 3
    np.testing.assert_allclose(slope, wanted, rtol=1e-6)


def test_relevance_walks_through_the_same_graph(rng):
    weights = rng.normal(size=(108, 2))
    graph = prepare(model("f = Flatten(image) scores = MatMul(f, w)", w=weights))
    made = Converted(graph, "image", device="cpu", bound={}, double=True)
    start = [lambda values: {"scores": torch.tensor([[1.0, 0.0]], dtype=torch.float64)}]
    feeds = made.feeds(made.tensor(X[:1]))
    (walked,) = made.walker.walk(feeds, ["scores"], start, composite("epsilon-plus"), ["image"])
    shares = X[0].ravel() * weights.astype(np.float32)[:, 0]
    # The rule for dense layers divides by the score and a little more.
    found = as_array(walked.relevance["image"]).ravel()
    np.testing.assert_allclose(found, shares / shares.sum(), rtol=1e-4)
    assert made.walker is made.walker


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert converted("scores = Relu(image)", device="auto").device == torch.device("cpu")
    with pytest.raises(UsageError, match=r"'cuda:1' is not usable by PyTorch here; use --device"):
        converted("scores = Relu(image)", device="cuda:1")


def test_a_device_of_a_higher_number_than_there_are_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UsageError, match="'cuda:2'"):
        converted("scores = Relu(image)", device="cuda:2")


def test_missing_operators_are_refused():
    body = "i = SequenceConstruct(image) z = Constant<value_int = 0>() scores = SequenceAt(i, z)"
    with pytest.raises(ConversionError, match="Sequence"):
        converted(body)


def test_channels_of_a_place_lie_side_by_side_in_float32_alone():
    graph = prepare(classifier(final="Softmax"))
    x = np.random.default_rng(0).normal(size=(2, 3, graphs.SIDE, graphs.SIDE))
    for double in (False, True):
        plain, ordered = (
            Converted(graph, "image", device="cpu", bound={}, double=double, channels=channels)
            for channels in (False, True)
        )
        fed = ordered.feeds(ordered.tensor(x))["image"]
        assert fed.is_contiguous(memory_format=torch.channels_last) is not double
        values = [c.compute(c.feeds(c.tensor(x)), ["scores"])["scores"] for c in (plain, ordered)]
        noise = 64 * np.finfo(np.float64 if double else np.float32).eps
        np.testing.assert_allclose(values[0], values[1], rtol=0, atol=noise)
