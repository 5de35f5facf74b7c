"""What methods may ask: scores, slopes, windows and draws, against a network of one product."""

from dataclasses import replace

import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of

from onnxplain.adapters.base import Capability
from onnxplain.adapters.changes import WindowChanges, changed_inputs
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.errors import UsageError
from onnxplain.network import context as module

RNG = np.random.default_rng(0)
W = RNG.normal(size=(108, 4)).astype(np.float32).astype(np.float64)
BODY = "a = Tanh(image) f = Flatten(a) scores = MatMul(f, w)"
NHWC = "t = Transpose<perm = [0,3,1,2]>(image) a = Tanh(t) f = Flatten(a) scores = MatMul(f, w)"
X = RNG.uniform(-1, 1, (5, 3, 6, 6))


def opened(body=BODY, image="float[N,3,6,6] image", kind=PyTorchOnly, **options):
    return context_of(model(body, {"w": W}, image=image), kind, **options)


def last(**options):
    return opened(NHWC, "float[N,6,6,3] image", **options)


def logits(x):
    return np.tanh(x).reshape(len(x), -1) @ W


def test_axes_are_those_of_the_layout():
    assert (opened().spatial_axes, opened().channel_axis) == ((2, 3), 1)
    assert (last().spatial_axes, last().channel_axis) == ((1, 2), 3)


def test_a_seed_below_zero_is_refused():
    with pytest.raises(UsageError, match="seed must be 0 or more, not -1"):
        opened(seed=-1)


def test_draws_are_the_same_picture_in_every_layout():
    first, other = (c.draw(c.generator().random, 4) for c in (opened(seed=3), last(seed=3)))
    assert first.shape == (4, 3, 6, 6)
    np.testing.assert_array_equal(np.moveaxis(first, 1, -1), other)
    np.testing.assert_array_equal(first, np.random.default_rng(3).random((4, 3, 6, 6)))


@pytest.mark.parametrize(("batch", "given", "room", "wanted"), [
    ("N", None, 1 << 28, 128), ("N", None, 40 * 108 * 8, 40), ("N", 5, 1 << 28, 5),
    (3, 5, 1 << 28, 3), ("N", 5, 2 * 108 * 8, 2), ("N", 5, 1, 1), (3, 5, 1, 3),
])  # fmt: skip
def test_batches_fit_into_memory_unless_the_file_insists(monkeypatch, batch, given, room, wanted):
    monkeypatch.setattr(module, "_BATCH_BYTES", room)
    assert opened(image=f"float[{batch},3,6,6] image", batch_size=given).batch_size == wanted


def test_of_larger_pictures_fewer_are_prepared_at_a_time():
    assert opened(image="float[N,3,64,64] image").batch_size == 32


def test_work_is_cut_into_batches_and_reported_after_each():
    told = []
    context = replace(opened(batch_size=3), progress=lambda *step: told.append(step))
    found = []
    for part in context.slices(7):
        assert len(told) == len(found)  # not before the work is done
        found.append((part.start, part.stop))
    assert found == [(0, 3), (3, 6), (6, 7)]
    assert told == [(3, 7), (6, 7), (7, 7)]


@pytest.mark.parametrize("kind", ["logit", "probability"])
def test_scores(kind):
    context = opened()
    wanted = logits(X)
    if kind == "probability":
        wanted = np.exp(wanted) / np.exp(wanted).sum(axis=1, keepdims=True)
    for index in range(4):
        target = target_of(context, index, kind)
        np.testing.assert_allclose(context.score(X, target), wanted[:, index], rtol=1e-12)
    np.testing.assert_allclose(context.all_scores(X, target), wanted, rtol=1e-12)


def test_derivatives():
    context = opened()
    found = context.gradients(X, target_of(context, 2), ["image", "a"])
    inner = np.broadcast_to(W[:, 2].reshape(1, 3, 6, 6), X.shape)
    np.testing.assert_allclose(found.scores, logits(X)[:, 2], rtol=1e-12)
    np.testing.assert_allclose(found.values["a"], np.tanh(X), rtol=1e-12)
    np.testing.assert_allclose(found.gradients["a"], inner, rtol=1e-12)
    np.testing.assert_allclose(found.gradients["image"], inner / np.cosh(X) ** 2, rtol=1e-10)


def test_multipliers_stand_in_the_place_of_derivatives():
    context, base = opened(), np.full((1, 3, 6, 6), 0.1)
    found = context.gradients(X, target_of(context, 2), ["image"], baseline=base)
    quotient = (np.tanh(X) - np.tanh(base)) / (X - base)
    wanted = W[:, 2].reshape(1, 3, 6, 6) * quotient
    np.testing.assert_allclose(found.gradients["image"], wanted, rtol=1e-8)


def test_signals_are_carried_back():
    seeds = RNG.normal(size=(5, 2, 4))
    found = opened().back_project(X, "scores", seeds)
    wanted = (seeds @ W.T).reshape(5, 2, 3, 6, 6) / np.cosh(X[:, None]) ** 2
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_scores_when_a_layer_has_other_values():
    context, values = opened(), RNG.normal(size=(7, 3, 6, 6))
    found = context.scores_from(X[:1], "a", values, target_of(context, 1))
    np.testing.assert_allclose(found, (values.reshape(7, -1) @ W)[:, 1], rtol=1e-12)


def changes(picture=X[1]):
    return WindowChanges.from_picture(np.array([[0, 2, 1, 6], [3, 4, 3, 4], [5, 6, 0, 1]]),
                                      picture, (1, 2))  # fmt: skip


def test_scores_of_windows_come_with_how_they_were_computed():
    told = []
    context = replace(opened(batch_size=2), progress=lambda *step: told.append(step))
    run = context.windowed_scores(X[0], changes(), target_of(context, 1))
    found = np.empty(3)
    for indices, scores in run.blocks:
        found[indices] = scores
    wanted = logits(changed_inputs(X[0], changes(), range(3), (1, 2)))[:, 1]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert run.engine["name"] == "brute-force"
    assert told == [(2, 3), (3, 3)]


@pytest.mark.parametrize("window", [[0, 7, 0, 6], [0, 6, 0, 7]])
def test_a_window_outside_of_the_picture_is_refused(window):
    context = opened()
    outside = WindowChanges(np.array([window]), lambda k: np.zeros((3, 1, 1)))
    with pytest.raises(UsageError, match="a window leaves the picture of 6 x 6 pixels"):
        context.windowed(X[0], outside, ["scores"])


def test_engines_are_wrapped_where_targets_share_their_work():
    wrapped = []
    context = replace(opened(), share=lambda engine: wrapped.append(engine) or engine)
    context.score(X, target_of(context, 0))
    assert wrapped == [context.network.torch]


def test_one_engine_runs_all_forward_passes_of_a_method():
    """What a method needs in all counts, but no backward pass that is not asked for."""

    class Own(OrtAdapter):
        capabilities = Capability.FORWARD

    graph = model(BODY, {"w": W})
    context = context_of(graph, engine=lambda g, image, _: Own(g, image, "scores", device="cpu"))
    network = context.network
    assert type(context.engine(Capability.FORWARD)) is Own
    more = replace(context, needs=Capability.FORWARD | Capability.RERUN)
    assert more.engine(Capability.FORWARD) is network.ort
    slopes = replace(context, needs=Capability.FORWARD | Capability.GRADIENTS)
    assert type(slopes.engine(Capability.FORWARD)) is Own
    assert slopes.engine(Capability.GRADIENTS) is network.torch
