"""Backward passes through strided convolutions that leave no grid."""

import numpy as np
import pytest
import torch
from handmade import context_of, model
from torch.nn import functional

from onnxplain.convert import to_torch
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.resample import is_strided, resampled_transpose

SIDE = 17


def step_of(attributes, weight, image="float[N,3,17,17] image"):
    body = f"y = Conv<{attributes}>(image, w) g = GlobalAveragePool(y) scores = Flatten(g)"
    graph = prepare(model(body, {"w": weight}, image=image))
    return next(s for s in to_torch(graph, double=True).steps if s.node.op_type == "Conv")


def carried_back(step, weight, G, size):
    w = torch.from_numpy(weight)
    return resampled_transpose(torch.from_numpy(G), w, torch.Size(size), step.node).numpy()


def test_a_constant_signal_stays_constant():
    """The plain pass reaches every other pixel through four times as many weights."""
    weight = np.ones((1, 3, 3, 3))
    step = step_of("strides: ints = [2, 2], pads: ints = [1, 1, 1, 1]", weight)
    x = torch.zeros(1, 3, SIDE, SIDE, dtype=torch.float64, requires_grad=True)
    y = step.module(x, torch.from_numpy(weight))
    (plain,) = torch.autograd.grad(y.sum(), x)
    inner = (0, 0, slice(2, -3), slice(2, -3))
    fixed = carried_back(step, weight, np.ones(y.shape), x.shape)[inner]
    assert plain[inner].std(correction=0) > 1.0
    assert fixed.std() == 0
    assert fixed.mean() == 2.25
    even = plain[0, 0, 2:14, 2:14]
    np.testing.assert_allclose(even.std(correction=0), 1.0897, atol=1e-3)
    np.testing.assert_allclose(even.mean(), 2.25)


GEOMETRIES = {
    "uneven": ("strides: ints = [2, 3], pads: ints = [0, 2, 1, 1]", (4, 3, 3, 3)),
    "dilated": ("strides: ints = [2, 2], dilations: ints = [2, 3]", (4, 3, 3, 2)),
    "grouped": ("strides: ints = [3, 1], group: int = 3", (6, 1, 3, 3)),
    "automatic": ('strides: ints = [2, 2], auto_pad: string = "SAME_UPPER"', (4, 3, 4, 4)),
}


@pytest.mark.parametrize("name", GEOMETRIES)
def test_slow_transcription(name, rng):
    """Repeat each place, then take the transposed Jacobian of the convolution of stride 1."""
    attributes, shape = GEOMETRIES[name]
    weight = rng.standard_normal(shape)
    step = step_of(attributes, weight)
    x = torch.from_numpy(rng.standard_normal((2, 3, SIDE, SIDE)))
    y = step.module(x, torch.from_numpy(weight))
    G = rng.standard_normal(tuple(y.shape))
    kind = step.node.attributes
    begin, end = kind.get("pads", [0] * 4)[:2], kind.get("pads", [0] * 4)[2:]
    if "auto_pad" in kind:
        begin, end = [1, 1], [2, 2]  # 9 places need 20 rows, 17 are there
    dense = functional.conv2d(
        functional.pad(x.requires_grad_(), (begin[1], end[1], begin[0], end[0])),
        torch.from_numpy(weight),
        dilation=kind.get("dilations", 1),
        groups=kind.get("group", 1),
    )
    down, right = kind["strides"]
    signal = torch.zeros_like(dense)
    for i in range(dense.shape[2]):
        for j in range(dense.shape[3]):
            signal[:, :, i, j] = torch.from_numpy(G[:, :, i // down, j // right])
    (expected,) = torch.autograd.grad(dense, x, signal / (down * right))
    np.testing.assert_allclose(carried_back(step, weight, G, x.shape), expected, atol=1e-12)


def test_only_convolutions_that_skip_places_are_replaced():
    weight = np.ones((1, 3, 3, 3))
    assert is_strided(step_of("strides: ints = [1, 2]", weight).node)
    assert not is_strided(step_of("strides: ints = [1, 1]", weight).node)
    assert not is_strided(step_of("group: int = 1", weight).node)


@pytest.mark.parametrize("rectify", ["guided", "deconvnet"])
def test_projections_of_a_network_use_it(rectify, rng):
    first, second = rng.standard_normal((4, 3, 3, 3)), rng.standard_normal((2, 4, 3, 3))
    body = (
        "a = Conv<strides: ints = [2, 2]>(image, v) r = Relu(a) y = Conv(r, w) "
        "g = GlobalAveragePool(y) scores = Flatten(g)"
    )
    proto = model(body, {"v": first, "w": second}, image="float[N,3,9,9] image")
    engine = context_of(proto).network.torch
    x = rng.standard_normal((1, 3, 9, 9))
    seeds = rng.standard_normal((1, 1, 2, 2, 2))
    found = engine.back_project(x, "y", seeds, rectify=rectify, resample=True)[0, 0]
    v, w = (torch.from_numpy(k.astype(np.float32)).double() for k in (first, second))
    a = functional.conv2d(torch.from_numpy(x), v, stride=2)
    G = functional.conv_transpose2d(torch.from_numpy(seeds[0]), w).clamp(min=0)
    G = G * (a > 0) if rectify == "guided" else G
    node = next(n for n in prepare(proto).nodes if n.output == "a")
    expected = resampled_transpose(G, v, torch.Size((1, 3, 9, 9)), node)[0]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    plain = engine.back_project(x, "y", seeds, rectify=rectify)[0, 0]
    assert np.abs(plain - found).max() > 0.1 * np.abs(found).max()
