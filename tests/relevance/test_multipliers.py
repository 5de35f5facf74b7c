"""Multipliers through whole graphs: complete for every operator, exact where it is known."""

import numpy as np
import pytest
import torch
from handmade import model

from onnxplain.convert import to_torch
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.multipliers import multipliers


def found(body, m, *, opset=17, names=("image",), **weights):
    graph = prepare(model(body, weights, output="float[N,C,H,W] scores", opset=opset))
    program = to_torch(graph, double=True)
    rng = np.random.default_rng(1)
    x, base = (torch.from_numpy(rng.normal(size=(1, 3, 6, 6))) for _ in range(2))
    feeds = [{"image": x}, {"image": base}]
    ends = program.run({"image": torch.cat([x, base])}, ["scores"])["scores"]
    given = torch.full_like(ends[:1], m)
    values, each, _ = multipliers(
        graph, program, "image", feeds, ["scores"], [lambda here, there: {"scores": given}], names
    )
    torch.testing.assert_close(values["scores"], ends[:1])
    change = (given * (ends[:1] - ends[1:])).sum()
    return x, base, each[0], change


@pytest.mark.parametrize(
    "body",
    [
        "scores = Sigmoid(image)",
        "a = Relu(image) scores = Mul(a, image)",
        "e = Exp(image) scores = Div(image, e)",
        "scores = Softmax<axis = 1>(image)",
        "scores = MaxPool<kernel_shape = [2, 2]>(image)",
        "n = Neg(image) scores = Max(image, n)",
        "n = Exp(image) scores = Min(image, n)",
        "scores = InstanceNormalization(image, g, b)",
        "scores = LayerNormalization(image, h)",
    ],
)
def test_the_changes_add_up(body):
    weights = {"g": np.ones(3), "b": np.ones(3), "h": np.linspace(0.5, 2, 6)}
    used = {k: v for k, v in weights.items() if f", {k}" in body}
    x, base, got, change = found(body, 0.5, **used)
    torch.testing.assert_close((got["image"] * (x - base)).sum(), change, rtol=1e-8, atol=1e-8)


def test_relu_has_the_quotient_of_the_rescale_rule():
    x, base, got, _ = found("scores = Relu(image)", 2.0)
    wanted = 2 * (x.clamp(min=0) - base.clamp(min=0)) / (x - base)
    torch.testing.assert_close(got["image"], wanted)


def test_a_product_is_shared_by_the_midpoints():
    x, base, got, _ = found("a = Exp(image) scores = Mul(a, image)", 1.0, names=("a",))
    torch.testing.assert_close(got["a"], (x + base) / 2)


def test_each_score_has_its_own_by_one_pass():
    graph = prepare(model("scores = Sigmoid(image)", output="float[N,C,H,W] scores"))
    program = to_torch(graph, double=True)
    x = torch.linspace(-2, 2, 108, dtype=torch.float64).reshape(1, 3, 6, 6)
    feeds = [{"image": x}, {"image": x}]
    seeds = [lambda here, there, m=m: {"scores": torch.full_like(x, m)} for m in (1.0, -3.0)]
    _, (one, other), _ = multipliers(graph, program, "image", feeds, ["scores"], seeds, ["image"])
    # Nothing changes, so the quotient is the derivative.
    torch.testing.assert_close(one["image"], x.sigmoid() * (1 - x.sigmoid()))
    torch.testing.assert_close(other["image"], -3 * one["image"])
