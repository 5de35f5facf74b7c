"""Feature maps and slopes of a layer, on a network whose derivative is its own weights."""

import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of

from onnxplain.errors import NoSlopeError
from onnxplain.methods.layer_gradient import layer_gradient

BODY = "a = Conv(image, k) b = Conv(a, v) f = Flatten(b) scores = MatMul(f, w)"


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(0)
    shapes = {"k": (4, 3, 1, 1), "v": (2, 4, 1, 1), "w": (72, 3)}
    return {n: rng.integers(-3, 4, s).astype(np.float64) for n, s in shapes.items()}


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).integers(-3, 4, (2, 3, 6, 6)).astype(np.float64)


def test_maps_and_slopes_of_a_named_layer(weights, x):
    context = context_of(model(BODY, weights), PyTorchOnly)
    spatial, maps, slopes = layer_gradient(context, x, target_of(context, 1), "a")
    assert spatial.name == "a"
    np.testing.assert_array_equal(maps, np.einsum("nchw,kc->nkhw", x, weights["k"][:, :, 0, 0]))
    behind = weights["w"][:, 1].reshape(2, 6, 6)
    wanted = np.einsum("khw,kc->chw", behind, weights["v"][:, :, 0, 0])
    np.testing.assert_array_equal(slopes, np.stack([wanted, wanted]))


def test_the_last_layer_that_counts_is_found(weights, x):
    context = context_of(model(BODY, weights), PyTorchOnly)
    spatial, _, slopes = layer_gradient(context, x, target_of(context, 1), None)
    assert spatial.name == "b"
    np.testing.assert_array_equal(slopes[0], weights["w"][:, 1].reshape(2, 6, 6))


def test_a_layer_without_slope_is_refused_by_name(weights, x):
    context = context_of(model(BODY, {**weights, "w": np.zeros((72, 3))}), PyTorchOnly)
    with pytest.raises(NoSlopeError, match="zero at every place of a: "):
        layer_gradient(context, x, target_of(context, 1), "a")
    with pytest.raises(NoSlopeError, match="zero at every place of b, a"):
        layer_gradient(context, x, target_of(context, 1), None)
