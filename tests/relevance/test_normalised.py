"""Multipliers of Softmax and normalisation: complete, and derivatives in the limit."""

import pytest
import torch
from torch.nn import functional

from onnxplain.graph.view import Node
from onnxplain.relevance.normalised import layer_norm_multiplier, softmax_multiplier


def drawn(count=1, shape=(2, 3, 4)):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, *shape, generator=generator, dtype=torch.float64)


def derivative(function, x, m):
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(function(leaf), leaf, m)[0]


@pytest.mark.parametrize("axis", [-1, 1, 0])
def test_softmax_is_complete(axis):
    m, z, base = drawn(3)
    found = softmax_multiplier(m, z, base, axis)
    change = (m * (z.softmax(axis) - base.softmax(axis))).sum()
    torch.testing.assert_close((found * (z - base)).sum(), change)


def test_softmax_of_equal_inputs_has_the_derivative():
    m, z = drawn(2)
    found = softmax_multiplier(m, z, z.clone(), 1)
    torch.testing.assert_close(found, derivative(lambda t: t.softmax(1), z, m))


def test_softmax_of_large_numbers_is_finite_and_ignores_a_shift():
    m, z, base = drawn(3)
    shifted = softmax_multiplier(m, z + 5000.0, base + 5000.0, -1)
    torch.testing.assert_close(shifted, softmax_multiplier(m, z, base, -1), rtol=1e-9, atol=1e-9)


def node(kind, **attributes):
    return Node(kind, "", "", ("x", "g"), ("y",), attributes, 0)


def written(kind, scale, axes, epsilon):
    def function(t):
        d = t - t.mean(axes, keepdim=True) if kind == "LayerNormalization" else t
        return d / (d.square().mean(axes, keepdim=True) + epsilon).sqrt() * scale

    return function


@pytest.mark.parametrize(
    "kind", ["LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"]
)
@pytest.mark.parametrize(("axis", "axes"), [(-1, (2,)), (1, (1, 2))])
def test_normalisation_is_complete_and_a_derivative_in_the_limit(kind, axis, axes):
    m, x, base, scale = drawn(4)
    scale = scale[:1]
    function = written(kind, scale, axes, 1e-3)
    step = node(kind, axis=axis, epsilon=1e-3)
    found = layer_norm_multiplier(step, m, x, base, scale)
    torch.testing.assert_close(
        (found * (x - base)).sum(), (m * (function(x) - function(base))).sum()
    )
    limit = layer_norm_multiplier(step, m, x, x.clone(), scale)
    torch.testing.assert_close(limit, derivative(function, x, m))


def test_the_epsilon_that_is_not_given_is_the_one_of_onnx():
    m, x = drawn(2, (2, 4))
    x = x * 1e-3  # so that it counts
    ones = torch.ones(4, dtype=torch.float64)
    found = layer_norm_multiplier(node("LayerNormalization"), m, x, x.clone(), ones)
    wanted = derivative(lambda t: functional.layer_norm(t, (4,), eps=1e-5), x, m)
    torch.testing.assert_close(found, wanted)
