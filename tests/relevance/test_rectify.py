"""Backward passes that treat activations in their own way, by the papers' formulas."""

import numpy as np
import pytest
import torch
from handmade import model

from onnxplain.convert import to_torch
from onnxplain.errors import MethodRefusedError
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.rectify import run_rectified


def run(body, mode, **weights):
    graph = prepare(model(body, weights, output="float[N,C,H,W] scores"))
    program = to_torch(graph, double=True)
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 3, 6, 6))).requires_grad_()
    found, count = run_rectified(graph, program, "image", {"image": x}, ["scores"], mode)
    given = torch.from_numpy(np.random.default_rng(2).normal(size=(1, 3, 6, 6)))
    (slope,) = torch.autograd.grad(found["scores"], x, given)
    return x.detach(), found["scores"].detach(), given, slope, count


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("guided", lambda x, g: g.clamp(min=0) * (x > 0)),
        ("deconvnet", lambda x, g: g.clamp(min=0)),
        ("linear", lambda x, g: g),
    ],
)
def test_relu(mode, wanted):
    x, y, given, slope, count = run("scores = Relu(image)", mode)
    assert count == 1
    torch.testing.assert_close(y, x.clamp(min=0))
    torch.testing.assert_close(slope, wanted(x, given))


def test_guided_silu_takes_the_positive_part_of_its_derivative():
    x, y, given, slope, count = run("s = Sigmoid(image) scores = Mul(image, s)", "guided")
    assert count == 1  # one activation, though written as two nodes
    s = x.sigmoid()
    derivative = s * (1 + x * (1 - s))
    assert (derivative < 0).any()
    torch.testing.assert_close(y, x * s)
    torch.testing.assert_close(slope, given.clamp(min=0) * derivative.clamp(min=0))


def test_every_activation_filters_once():
    body = "a = Relu(image) b = Neg(a) scores = Relu(b)"
    _, _, _, slope, count = run(body, "deconvnet")
    assert count == 2
    # The sign that Neg turns lets nothing pass the first one.
    assert not slope.any()
    _, _, given, slope, _ = run(body, "linear")
    torch.testing.assert_close(slope, -given)


def test_without_activations_a_filter_is_refused():
    with pytest.raises(MethodRefusedError, match="would equal the gradient"):
        run("scores = Tanh(image)", "guided")
    x, _, given, slope, count = run("scores = Tanh(image)", "linear")
    assert count == 0
    torch.testing.assert_close(slope, given * (1 - x.tanh() ** 2))
