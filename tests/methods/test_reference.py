"""Every method against its slow transcription, on a smooth network with no kink to dodge."""

import numpy as np
import pytest
import reference
from handmade import PyTorchOnly, context_of, model, target_of
from originals import difference

from onnxplain.methods import find
from tests.engines import gradients

BODY = """
    c = Conv<pads = [1,1,1,1]>(image, w) t = Tanh(c)
    d = Conv<strides = [2,2]>(t, v, b) s = Sigmoid(d)
    p = GlobalAveragePool(s) f = Flatten(p) scores = Gemm<transB = 1>(f, u, a)
"""
CLASS = 1


@pytest.fixture(scope="module")
def context():
    rng = np.random.default_rng(0)
    return context_of(
        model(
            BODY,
            w=rng.normal(size=(4, 3, 3, 3)),
            v=2 * rng.normal(size=(5, 4, 2, 2)),
            b=rng.normal(size=5),
            u=3 * rng.normal(size=(3, 5)),
            a=rng.normal(size=3),
        ),
        PyTorchOnly,
    )


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).uniform(-1, 1, (1, 3, 6, 6))


def score_of(context, target):
    """The target's score of many inputs, in float64."""
    return lambda x: target.select(context.network.torch.activations(x, ["scores"])["scores"])


def run(name, context, x, **parameters):
    return find(name).function(context, x, target_of(context, CLASS), **parameters)


def test_saliency(context, x):
    score = score_of(context, target_of(context, CLASS))
    expected = reference.saliency(score, x[0])
    assert difference(run("saliency", context, x).values[0], expected) < 1e-8
    other = reference.saliency(score_of(context, target_of(context, 0)), x[0])
    assert difference(other, expected) > 0.1


def test_gradient_x_input(context, x):
    score = score_of(context, target_of(context, CLASS))
    expected = reference.gradient_x_input(score, x[0])
    assert difference(run("gradient-x-input", context, x).values[0], expected) < 1e-8


def test_integrated_gradients(context, x):
    score = score_of(context, target_of(context, CLASS))
    coarse, fine = (
        reference.integrated_gradients(score, x[0], -np.ones((3, 6, 6)), n) for n in (200, 400)
    )
    found = run("integrated-gradients", context, x, steps=200).values[0]
    # The middle rule's error falls with the square of its steps, which can be taken out.
    assert difference(found, fine + (fine - coarse) / 3) < 1e-6
    assert difference(found, coarse) > 1e-5


def test_cam(context, x):
    maps = context.network.torch.activations(x, ["s"])["s"][0]
    weight = context.network.graph.constant("u")[CLASS].astype(np.float64)
    found = run("cam", context, x)
    assert difference(found.values[0], reference.cam(maps, weight)) < 1e-12
    assert found.layer == "s"


@pytest.mark.parametrize("layer", ["s", "t"])
def test_grad_cam(context, x, layer):
    target = target_of(context, CLASS)
    found = gradients(context.network.torch, x, target, [layer])
    expected = reference.grad_cam(found.values[layer][0], found.gradients[layer][0])
    assert difference(run("grad-cam", context, x, layer=layer).values[0], expected) < 1e-12


@pytest.mark.parametrize(
    ("window", "stride"), [((2, 2), (1, 1)), ((4, 4), (3, 3)), ((3, 2), (2, 1)), ((6, 6), (6, 6))]
)
@pytest.mark.parametrize("kind", ["logit", "probability"])
def test_occlusion(context, x, window, stride, kind):
    target = target_of(context, CLASS, kind)
    absent = np.broadcast_to(x[0].mean((1, 2), keepdims=True), x[0].shape)
    expected, scores = reference.occlusion(
        lambda x: context.score(x, target), x[0], absent, window, stride
    )
    found = find("occlusion").function(context, x, target, window=window, stride=stride)
    assert difference(found.values[0], expected) < 1e-12
    assert difference(found.maps["score"][0], scores) < 1e-12
    falls = context.score(x, target)[0] - scores
    np.testing.assert_allclose(found.maps["difference"][0], falls, atol=1e-12)


def test_occlusion_says_which_class_wins(context, x):
    target = target_of(context, CLASS)
    found = find("occlusion").function(context, x, target, window=3, stride=3, fill_with="0.5")
    winners = []
    for i in (0, 3):
        for j in (0, 3):
            covered = x.copy()
            covered[..., i : i + 3, j : j + 3] = 0.5
            winners.append(context.all_scores(covered, target)[0].argmax())
    np.testing.assert_array_equal(found.maps["predicted_class"][0].ravel(), winners)


def test_lrp_epsilon_through_two_layers():
    """y = V relu(W x + b) + a, layer by layer, as matrices."""
    rng = np.random.default_rng(2)
    W, b = rng.normal(size=(7, 108)), rng.normal(size=7)
    V, a = rng.normal(size=(3, 7)), rng.normal(size=3)
    body = """
        f = Flatten(image) h = Gemm<transB = 1>(f, w, b) r = Relu(h)
        scores = Gemm<transB = 1>(r, v, a)
    """
    context = context_of(model(body, w=W, b=b, v=V, a=a))
    x = rng.uniform(-1, 1, (1, 3, 6, 6))
    W, b, V, a = (m.astype(np.float32).astype(np.float64) for m in (W, b, V, a))
    hidden = np.maximum(W @ x.ravel() + b, 0)
    logit = V @ hidden + a
    seed = np.where(np.arange(3) == CLASS, logit, 0.0)
    R = reference.lrp_epsilon(V, a, hidden, seed, 0.1)
    R = reference.lrp_epsilon(W, b, x.ravel(), R, 0.1)
    found = run("lrp", context, x, composite="epsilon", epsilon=0.1)
    assert difference(found.values[0].ravel(), R) < 1e-12
    other = run("lrp", context, x, composite="epsilon", epsilon=0.2)
    assert difference(other.values, found.values) > 1e-3


def test_lrp_epsilon_plus_on_a_convolution():
    """z+ where weights are shared, with negative inputs and both signs of bias."""
    rng = np.random.default_rng(3)
    kernel, b = rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    V = rng.normal(size=(3, 16))
    body = """
        c = Conv<strides = [3,3], pads = [1,1,0,0]>(image, w, b) r = Relu(c)
        f = Flatten(r) scores = MatMul(f, v)
    """
    context = context_of(model(body, w=kernel, b=b, v=V.T))
    x = rng.uniform(-1, 1, (1, 3, 6, 6))
    forward = lambda v: context.network.torch.activations(v, ["c"])["c"].reshape(len(v), -1)  # noqa: E731
    zero = forward(np.zeros_like(x))[0]
    W = (forward(np.eye(x.size).reshape(-1, 3, 6, 6)) - zero).T
    V = V.astype(np.float32).astype(np.float64)
    hidden = np.maximum(W @ x.ravel() + zero, 0)
    seed = np.where(np.arange(3) == CLASS, V @ hidden, 0.0)
    R = reference.lrp_epsilon(V, np.zeros(3), hidden, seed, 1e-6)
    R = reference.lrp_z_plus(W, zero, x.ravel(), R, 1e-6)
    found = run("lrp", context, x, composite="epsilon-plus").values.ravel()
    assert difference(found, R) < 1e-12
