"""Grad-CAM++ against its formula, with the derivatives of exp(S) taken one by one."""

import numpy as np
import pytest
import torch
from handmade import context_of, model, target_of
from originals import difference, pair
from torch import nn

from onnxplain.errors import UsageError
from onnxplain.methods import find
from tests.engines import gradients as gradients_of

CLASS = 1
BODY = """
    c = Conv(image, w) a = Relu(c) d = Conv(a, v, b) r = Relu(d)
    p = GlobalAveragePool(r) f = Flatten(p) scores = Gemm<transB = 1>(f, u, t)
"""


def made(seed=0, body=BODY, **changes):
    """Context, picture, and the network behind layer ``a`` in PyTorch."""
    rng = np.random.default_rng(seed)
    weights = {
        "w": rng.normal(size=(4, 3, 2, 2)),
        "v": rng.normal(size=(5, 4, 2, 2)),
        "b": rng.normal(size=5),
        "u": rng.normal(size=(3, 5)),
        "t": rng.normal(size=3),
        **changes,
    }
    context = context_of(model(body, weights))
    v, b, u, t = (torch.from_numpy(weights[k].astype(np.float32)).double() for k in "vbut")

    def behind(a):
        return nn.functional.conv2d(a, v, b).relu().mean((2, 3)) @ u.T + t

    return context, rng.uniform(-1, 1, (1, 3, 6, 6)), behind


def transcribed(a, score):
    """Chattopadhay et al. 2018, equations 5, 10 and 11, for Y = exp(S).

    Each second and third derivative is one by one that of Y, without the knowledge that S is
    linear in pieces. Returns the map of exp(S), which is that of S times exp(S).
    """
    leaf = a.clone().requires_grad_()
    Y = score(leaf).exp()
    (first,) = torch.autograd.grad(Y, leaf, create_graph=True)
    weights = torch.zeros(a.shape[1], dtype=a.dtype)
    for k in range(a.shape[1]):
        for i in range(a.shape[2]):
            for j in range(a.shape[3]):
                (second,) = torch.autograd.grad(first[0, k, i, j], leaf, create_graph=True)
                two = second[0, k, i, j]
                (third,) = torch.autograd.grad(two, leaf, retain_graph=True)
                three = third[0, k, i, j]
                slope = first[0, k, i, j]
                if slope == 0:
                    continue
                alpha = two / (2 * two + a[0, k].sum() * three)
                weights[k] += (alpha * slope.clamp(min=0)).detach()
    return torch.einsum("k,kij->ij", weights, a[0]), Y.detach()


def found_by(context, x, **parameters):
    return find("grad-cam++").function(context, x, target_of(context, CLASS), **parameters)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_formula_with_derivatives_of_the_exponential(seed):
    context, x, behind = made(seed)
    a = torch.from_numpy(context.network.torch.activations(x, ["a"])["a"])
    expected, Y = transcribed(a, lambda t: behind(t)[0, CLASS])
    ours = found_by(context, x, layer="a")
    assert difference(ours.values[0] * float(Y), expected.numpy()) < 1e-9
    assert ours.warnings == ()
    library = found_by(context, x, layer="a", stabilizer=1e-3).values[0]
    assert difference(library * float(Y), expected.numpy()) > 1e-3


def test_small_gradients_are_not_outweighed():
    """Where gradients shrink, alpha goes to one half: Grad-CAM++ is sum relu(g) A / 2."""
    context, x, _ = made(u=1e-6 * np.random.default_rng(3).normal(size=(3, 5)))
    gradients = gradients_of(context.network.torch, x, target_of(context, CLASS), ["a"])
    g, a = gradients.gradients["a"][0], gradients.values["a"][0]
    expected = np.einsum("k,kij->ij", np.maximum(g, 0).sum((1, 2)) / 2, a)
    assert difference(found_by(context, x, layer="a").values[0], expected) < 1e-4
    library = found_by(context, x, layer="a", stabilizer=1e-6).values[0]
    assert np.abs(library).max() < 1e-3 * np.abs(expected).max()


def test_the_constant_of_the_library_changes_a_real_network():
    made = pair("lite0")
    ours = made.double.explain(made.x, "grad-cam++", 0).attribution
    library = made.double.explain(made.x, "grad-cam++", 0, stabilizer=1e-6).attribution
    scale = float((ours * library).sum() / (library**2).sum())
    assert scale > 1.2  # the size of the map
    assert difference(scale * library, ours) > 2e-2  # its shape


LINEAR = "a = Conv(image, w) f = Flatten(a) scores = MatMul(f, u)"


def at_a_pole(offset):
    """A signed layer of one channel with g = 1 at one place and sum(A) = -2 + offset."""
    u = np.zeros((36, 2))
    u[0] = u[7] = 1.0
    w = np.array([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    x = np.zeros((1, 3, 6, 6))
    x[0, 0, 0, 0], x[0, 0, 5, 5] = 0.5, -2.5 + offset
    return context_of(model(LINEAR, w=w, u=u)), x


@pytest.mark.parametrize("offset", [0.0, 1e-4, -0.5])
def test_no_weight_at_the_zero_of_its_denominator_and_a_word_about_it(offset):
    context, x = at_a_pole(offset)
    found = found_by(context, x, layer="a")
    alpha = 1 / offset if offset else 0.0
    np.testing.assert_allclose(found.values[0], 2 * alpha * x[0, 0], rtol=1e-9)
    (warning,) = found.warnings
    assert "100 % of the places" in warning
    assert "grad-cam or hirescam" in warning


def test_no_word_away_from_the_zero():
    context, x = at_a_pole(1.0)
    assert found_by(context, x, layer="a").warnings == ()


def test_a_negative_stabilizer_is_refused():
    context, x, _ = made()
    with pytest.raises(UsageError, match="0 or more"):
        found_by(context, x, stabilizer=-1.0)
