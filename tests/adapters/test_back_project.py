"""Signals that start at any tensor, carried back to the input."""

import graphs
import numpy as np
import pytest
import torch
from handmade import context_of, model
from originals import difference, pair

from onnxplain.convert.program import Program
from onnxplain.errors import MethodRefusedError, UsageError

PICTURES = np.random.default_rng(0).uniform(-1, 1, (3, 3, graphs.SIDE, graphs.SIDE))
SIGNALS = np.random.default_rng(1).standard_normal((3, 2, 12, 6, 6))  # at tensor "maps"


@pytest.fixture
def classifier():
    """Two convolutions with ReLU, global average pooling, one linear layer, in float64."""
    return context_of(graphs.classifier()).network.torch


@pytest.mark.parametrize("name", ["vgg", "resnet", "squeeze"])
def test_without_a_filter_it_is_the_transposed_jacobian_of_the_original(name):
    made = pair(name)
    signals = np.random.default_rng(2).standard_normal((1, 4, 5))
    found = made.double.network.torch.back_project(made.x, "scores", signals)
    x = torch.from_numpy(made.x).double().requires_grad_()
    scores = made.net(x)[0]
    each = [torch.autograd.grad(scores[k], x, retain_graph=True)[0][0].numpy() for k in range(5)]
    assert difference(found[0], np.tensordot(signals[0], np.stack(each), 1)) < 1e-10


@pytest.mark.parametrize("rectify", [None, "guided", "deconvnet", "linear"])
def test_batches_change_nothing(rectify, classifier):
    def project(rows, **options):
        engine = context_of(graphs.classifier(**options)).network.torch
        return engine.back_project(PICTURES[rows], "maps", SIGNALS[rows], rectify=rectify)

    together = project([0, 1, 2])
    assert together.shape == (3, 2, *PICTURES.shape[1:])
    one_by_one = np.concatenate([project([k]) for k in range(3)])
    assert difference(together, one_by_one) < 1e-12
    for batch in (1, 4):
        assert difference(project([0, 1, 2], batch=batch), together) < 1e-12


def test_signals_add_up_where_nothing_is_filtered(classifier):
    both = SIGNALS.sum(axis=1, keepdims=True)
    for rectify, adds_up in ((None, True), ("linear", True), ("deconvnet", False)):
        parts = classifier.back_project(PICTURES, "maps", SIGNALS, rectify=rectify)
        whole = classifier.back_project(PICTURES, "maps", both, rectify=rectify)
        assert (difference(parts.sum(axis=1, keepdims=True), whole) < 1e-12) == adds_up


def test_the_linear_way_does_not_see_what_was_active(classifier):
    """Without pooling, transposed convolutions alone are left: the same for every picture."""
    same = np.broadcast_to(SIGNALS[:1], SIGNALS.shape)
    linear = classifier.back_project(PICTURES, "maps", same, rectify="linear")
    assert difference(linear[1], linear[0]) < 1e-12
    ordinary = classifier.back_project(PICTURES, "maps", same)
    assert difference(ordinary[1], ordinary[0]) > 0.1


def test_one_forward_pass_serves_all_signals(classifier, monkeypatch):
    calls = []
    run = Program.run
    monkeypatch.setattr(Program, "run", lambda *a: calls.append(1) or run(*a))
    classifier.back_project(PICTURES, "maps", SIGNALS)
    assert len(calls) == 1


def test_networks_without_activations():
    weight = np.random.default_rng(3).standard_normal((4, 108))
    linear = model("f = Flatten(image) scores = Gemm<transB = 1>(f, w)", w=weight)
    engine = context_of(linear).network.torch
    x, seed = np.zeros((1, 3, 6, 6)), np.eye(4)[None]
    found = engine.back_project(x, "scores", seed, rectify="linear")
    assert difference(found.reshape(4, 108), weight.astype(np.float32)) < 1e-12
    with pytest.raises(MethodRefusedError, match="ReLU-like"):
        engine.back_project(x, "scores", seed, rectify="guided")
    with pytest.raises(UsageError, match="PyTorch adapter does"):
        context_of(linear).network.ort.back_project(x, "scores", seed)
