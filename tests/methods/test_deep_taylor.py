"""Deep Taylor decomposition of one layer, by the paper's formulas."""

import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of

from onnxplain.errors import UnknownNameError
from onnxplain.methods.deep_taylor import deep_taylor

W = np.random.default_rng(0).normal(size=(108, 3)).astype(np.float32).astype(np.float64)


@pytest.fixture(scope="module")
def context():
    return context_of(model("f = Flatten(image) scores = MatMul(f, w)", w=W), PyTorchOnly)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).uniform(-1, 1, (1, 3, 6, 6))


def score_of(x):
    return (x.reshape(-1) @ W)[1]


def test_pixels_by_the_z_box_rule(context, x):
    found = deep_taylor(context, x, target_of(context, 1))
    w, flat = W[:, 1], x.reshape(-1)
    low, high = -1.0, 1.0
    z = flat * w - low * np.maximum(w, 0) - high * np.minimum(w, 0)
    wanted = z / z.sum() * score_of(x)
    np.testing.assert_allclose(found.values.reshape(-1), wanted, rtol=1e-5)


def test_inputs_without_bounds_by_the_w_square_rule(context, x):
    found = deep_taylor(context, x, target_of(context, 1), first="w-square")
    squares = W[:, 1] ** 2
    wanted = squares / squares.sum() * score_of(x)
    np.testing.assert_allclose(found.values.reshape(-1), wanted, rtol=1e-5)


def test_an_unknown_first_rule(context, x):
    with pytest.raises(UnknownNameError, match="first rule 'zbox'; nearest: 'z-box'"):
        deep_taylor(context, x, target_of(context, 1), first="zbox")
