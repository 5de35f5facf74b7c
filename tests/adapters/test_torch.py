"""The engine of PyTorch: values, slopes, multipliers and relevance against closed forms."""

import gc
import re

import graphs
import numpy as np
import pytest
import torch
from handmade import context_of, model, target_of

from onnxplain.adapters.base import Capability, Signal
from onnxplain.adapters.changes import WindowChanges, changed_inputs
from onnxplain.adapters.torch import TorchAdapter
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.composites import composite
from tests.engines import gradients

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3, 6, 6))
W = RNG.normal(size=(3, 4)).astype(np.float32).astype(np.float64)
BODY = "a = Tanh(image) p = GlobalAveragePool(a) f = Flatten(p) scores = MatMul(f, w)"
SIGNAL = RNG.normal(size=(5, 4))
SEED = Signal("scores", SIGNAL)
ONE = np.ones(1)
IMAGE = "float[N,3,6,6] image"


def engine(body=BODY, batch="N", *, image="float[{},3,6,6] image", **options):
    weights = {"w": W} if "w)" in body else {}
    graph = prepare(model(body, weights, image=image.format(batch)))
    options = {"device": "cpu", "double": True, **options}
    found = find_image_input(graph, bound=options.get("bound", ()))
    return TorchAdapter(graph, found, "scores", **options)


def scores(x):
    return np.tanh(x).mean((2, 3)) @ W


def slopes(x, signal):
    return (signal @ W.T)[:, :, None, None] / 36 / np.cosh(x) ** 2


def test_it_computes_in_float64():
    made = engine()
    assert all(verb in made.capabilities for verb in Capability)
    assert made.device == "torch cpu"
    found = made.activations(X, ["scores", "a"])
    np.testing.assert_allclose(found["scores"], scores(X), rtol=1e-12)
    np.testing.assert_allclose(found["a"], np.tanh(X), rtol=1e-12)
    np.testing.assert_array_equal(made.forward(X), found["scores"])
    assert engine(double=False).forward(X).dtype == np.float32


@pytest.mark.parametrize("options", [{}, {"batch_size": 2}, {"batch": 3}, {"batch": 1}])
def test_signals_are_carried_back_by_the_transposed_jacobian(options):
    seeds = [SEED, Signal("scores", -2 * SIGNAL[::-1])]
    found = engine(**options).pull_back(X, seeds, ["image", "a"])
    np.testing.assert_allclose(found.values["scores"], scores(X), rtol=1e-12)
    for seed, gradient in zip(seeds, found.gradients, strict=True):
        np.testing.assert_allclose(gradient["image"], slopes(X, seed.values), rtol=1e-10)
        wanted = np.broadcast_to((seed.values @ W.T / 36)[..., None, None], X.shape)
        np.testing.assert_allclose(gradient["a"], wanted, rtol=1e-12)


def test_all_seeds_share_one_forward_pass(monkeypatch):
    made = engine()
    program = made._converted.program
    passes = []
    run = program.run
    monkeypatch.setattr(program, "run", lambda *given: passes.append(1) or run(*given))
    made.pull_back(X, [SEED] * 3, ["image"])
    assert len(passes) == 1


def test_what_a_signal_does_not_reach_has_no_slope():
    made = engine("a = Relu(image) b = Tanh(image) m = Mul(a, b) scores = Flatten(m)")
    found = made.pull_back(X, [Signal("a", np.ones_like(X))], ["b", "image"])
    np.testing.assert_array_equal(found.gradients[0]["b"], np.zeros_like(X))
    np.testing.assert_array_equal(found.gradients[0]["image"], X > 0)
    # Nor does a tensor that is not computed from the picture.
    image = "float[{},3,6,6] image, float[1] gain"
    bound = engine("m = Mul(image, gain) scores = Flatten(m)", image=image, bound={"gain": ONE})
    found = bound.pull_back(X[:1], [Signal("gain", ONE)], ["image"])
    np.testing.assert_array_equal(found.gradients[0]["image"], np.zeros_like(X[:1]))


def test_multipliers_are_quotients_of_changes():
    base = RNG.normal(size=(1, *X.shape[1:]))
    found = engine(batch_size=2).pull_back(X, [SEED], ["image"], baseline=base)
    quotient = (np.tanh(X) - np.tanh(base)) / (X - base)
    wanted = (SIGNAL @ W.T)[:, :, None, None] / 36 * quotient
    np.testing.assert_allclose(found.gradients[0]["image"], wanted, rtol=1e-8)
    added = (found.gradients[0]["image"] * (X - base)).sum((1, 2, 3))
    np.testing.assert_allclose(added, (SIGNAL * (scores(X) - scores(base))).sum(1), rtol=1e-8)
    assert len(found.growth) == 1


@pytest.mark.parametrize("options", [{}, {"batch_size": 2}, {"batch": 3}])
def test_relevance_is_shared_by_what_each_part_adds(options):
    """Positive weights and pictures: every rule of this composite shares out in proportion."""
    weights = np.abs(W)
    graph = prepare(model(
        "a = Relu(image) p = GlobalAveragePool(a) f = Flatten(p) scores = MatMul(f, w)",
        w=weights, image=f"float[{options.pop('batch', 'N')},3,6,6] image",
    ))  # fmt: skip
    made = TorchAdapter(
        graph, find_image_input(graph), "scores", device="cpu", double=True, **options
    )
    x, start = np.abs(X) + 1, np.abs(SIGNAL)
    rules = composite("epsilon-plus")
    one, twice = made.relevance(
        x, [Signal("scores", start), Signal("scores", 2 * start)], rules, ["image"]
    )
    parts = x[:, :, :, :, None] * weights[:, None, None] / 36
    shares = parts / parts.sum((1, 2, 3), keepdims=True)
    wanted = (shares * start[:, None, None, None]).sum(-1)
    # The rule for dense layers holds back a little.
    np.testing.assert_allclose(one.relevance["image"], wanted, rtol=1e-4)
    np.testing.assert_allclose(twice.relevance["image"], 2 * one.relevance["image"], rtol=1e-12)
    np.testing.assert_allclose(one.values["scores"], parts.sum((1, 2, 3)), rtol=1e-12)
    lost = start.sum() - one.relevance["image"].sum()
    assert sum(leak.absorbed for leak in one.leaks) == pytest.approx(lost, abs=1e-9)
    magnitudes = [abs(leak.absorbed) for leak in one.leaks]
    assert magnitudes == sorted(magnitudes, reverse=True)


def test_relevance_that_is_not_kept_does_not_flow_on():
    made, rules = engine(), composite("epsilon-plus")
    keep = np.zeros((1, 3, 1, 1))
    keep[0, 1] = 1
    (whole,) = made.relevance(X, [SEED], rules, ["image"])
    (part,) = made.relevance(X, [SEED], rules, ["image"], keep={"a": keep})
    np.testing.assert_array_equal(part.relevance["image"], whole.relevance["image"] * keep)
    assert part.relevance["image"].any()


def test_what_follows_a_tensor_is_run_again():
    values = RNG.normal(size=(7, 3, 6, 6))
    found = engine(batch_size=3).rerun_from(X[:1], "a", values, ["scores"])["scores"]
    np.testing.assert_allclose(found, values.mean((2, 3)) @ W, rtol=1e-12)


def test_windows_are_run_as_whole_inputs():
    made = engine(batch_size=2)
    changes = WindowChanges.from_picture(np.array([[0, 2, 1, 6], [3, 4, 3, 4]]), X[1], (1, 2))
    run = made.windowed(X[0], changes, ["scores"])
    found = np.concatenate([tensors["scores"] for _, tensors in run.blocks])
    wanted = scores(changed_inputs(X[0], changes, range(2), (1, 2)))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    with pytest.raises(UsageError, match="incremental engine runs in ONNX Runtime"):
        made.windowed(X[0], changes, ["scores"], engine="incremental")


def test_a_fixed_batch_that_mixes_its_inputs_has_no_gradient_of_one():
    made = engine(batch=3, must_part=lambda: True)
    for refused in (
        lambda: made.pull_back(X, [SEED], ["image"]),
        lambda: made.pull_back(X, [SEED], ["image"], baseline=X),
        lambda: made.relevance(X, [SEED], composite("epsilon-plus"), ["image"]),
    ):
        with pytest.raises(MethodRefusedError, match=r"batches of 3.*export the file with a batch"):
            refused()
    # Values have a meaning there: those of an input among copies of itself.
    np.testing.assert_allclose(made.forward(X), scores(X), rtol=1e-12)


def test_every_node_is_computed_from_what_is_given():
    """Also a wrong value: what follows starts there, and not at the picture."""
    wrong = {"image": X, "p": np.full((5, 3, 1, 1), 2.0)}
    found = {node.output: values[node.output] for node, values in engine().recompute(wrong)}
    assert set(found) == {"a", "f"}
    np.testing.assert_allclose(found["a"], np.tanh(X), rtol=1e-12)
    np.testing.assert_array_equal(found["f"], np.full((5, 3), 2.0))


def test_threads_are_limited_while_it_computes(monkeypatch):
    made, before = engine(threads=1), torch.get_num_threads()
    seen = []
    compute = made._converted.compute
    monkeypatch.setattr(
        made._converted, "compute", lambda *a: seen.append(torch.get_num_threads()) or compute(*a)
    )
    torch.set_num_threads(2)
    try:
        made.forward(X)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == [1]


def test_no_gradients_are_left_behind():
    context = context_of(graphs.classifier())
    x = np.zeros(context.network.image.shape)
    program = context.network.torch._converted.program
    gradients(context.network.torch, x, target_of(context, 0), ["image"])
    assert torch.is_grad_enabled()
    assert all(t.grad is None for t in [*program.parameters(), *program.buffers()])


# What exporters write, and what makes constants while it runs.
WAYS = {
    "gelu": "d = Div(image, root) e = Erf(d) p = Add(e, one) m = Mul(image, p) scores = Mul(m, h)",
    "layer norm": "a = ReduceMean<axes = [3]>(image) c = Sub(image, a) s = Pow(c, two) "
    "v = ReduceMean<axes = [3]>(s) w = Add(v, small) r = Sqrt(w) n = Div(c, r) g = Mul(n, gain) "
    "scores = Add(g, bias)",
    "made while running": "i = Shape(image) f = ConstantOfShape(i) e = Exp(f) t = Mul(image, e) "
    "scores = Mul(t, image)",
    "convolution": "c = Conv<pads = [1, 1, 1, 1]>(image, kernel) r = Relu(c) scores = Mul(r, r)",
}
NUMBERS = {
    "root": np.sqrt(np.float32(2)),
    "one": np.float32(1),
    "h": np.float32(0.5),
    "two": np.float32(2),
    "small": np.float32(1e-5),
    "gain": np.linspace(1, 2, 6).astype(np.float32),
    "bias": np.linspace(-1, 1, 6).astype(np.float32),
    "kernel": np.random.default_rng(3).normal(size=(3, 3, 3, 3)).astype(np.float32),
}


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_values_and_gradients_in_either_order(way, double):
    used = {n: v for n, v in NUMBERS.items() if n in re.findall(r"\w+", WAYS[way])}
    graph = prepare(model(WAYS[way], output="float[N,C,H,W] scores", image=IMAGE, **used))
    image = find_image_input(graph)
    early, late = (TorchAdapter(graph, image, "scores", double=double) for _ in range(2))
    signal = Signal("scores", RNG.normal(size=(5, 3, 6, 6)))
    values = early.forward(X).copy()
    assert not kept_by_inference()
    slopes = early.pull_back(X, [signal], ["image"]).gradients[0]["image"]
    first = late.pull_back(X, [signal], ["image"]).gradients[0]["image"]
    assert np.abs(first).max() > 0
    np.testing.assert_array_equal(slopes, first)
    np.testing.assert_array_equal(late.forward(X), values)


def kept_by_inference():
    """Tensors made in inference mode that something still holds."""
    gc.collect()
    return [o for o in gc.get_objects() if issubclass(type(o), torch.Tensor) and o.is_inference()]
