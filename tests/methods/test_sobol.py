"""Sobol attribution: indices that are known, the estimator in loops, its error, its limits."""

import functools

import nets
import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of

from onnxplain.errors import UsageError
from onnxplain.methods.sobol import sobol

FOUR = {"regions": 4, "fill_with": "black"}
# One pixel of each quarter of the first channel, which is 6 x 6.
PIXELS = [0, 4, 25, 29]


def quarters(body, factors, **more):
    """A model of four numbers, each from -factor (black) to factor (the picture of ones)."""
    chosen = np.zeros((108, 4))
    chosen[PIXELS, range(4)] = factors
    weights = {"chosen": chosen, "two": np.array([[1.0, -0.5]]), **more}
    text = f"f = Flatten(image) z = MatMul(f, chosen) {body} scores = MatMul(y, two)"
    return context_of(model(text, weights), PyTorchOnly), np.ones((1, 3, 6, 6))


def run(on, x, kind="logit", **options):
    found = sobol(on, x, target_of(on, 0, kind), **{**FOUR, **options})
    places = np.unravel_index(PIXELS, (6, 6))
    return found, found.values[0][places], found.maps["standard_error"][0][places]


def test_a_sum_shares_the_variance_by_squares():
    factors = np.array([1.0, 2.0, 0.0, -3.0])
    on, x = quarters("y = MatMul(z, ones)", factors, ones=np.ones((4, 1)))
    found, values, errors = run(on, x, samples=2048)
    expected = factors**2 / (factors**2).sum()
    assert values[2] == 0
    assert (np.abs(values - expected) <= 5 * errors).all()
    np.testing.assert_allclose(values, expected, atol=0.01)
    assert found.values.shape == (1, 6, 6)


def test_the_function_of_ishigami():
    """sin a + 7 sin^2 b + c^4 / 10 sin a over [-pi, pi]; the total indices are known."""
    cases = {name: np.eye(4)[:, [k]] for k, name in enumerate("abc")}
    body = (
        "za = MatMul(z, a) zb = MatMul(z, b) zc = MatMul(z, c) sa = Sin(za) sb = Sin(zb) "
        "b2 = Mul(sb, sb) b7 = Mul(b2, seven) c2 = Mul(zc, zc) c4 = Mul(c2, c2) "
        "ca = Mul(c4, sa) cs = Mul(ca, tenth) ab = Add(sa, b7) y = Add(ab, cs)"
    )
    on, x = quarters(body, np.full(4, np.pi), **cases, seven=np.array(7.0), tenth=np.array(0.1))
    _, values, errors = run(on, x, samples=4096)
    pi4, pi8 = np.pi**4, np.pi**8
    variance = 49 / 8 + 0.1 * pi4 / 5 + 0.01 * pi8 / 18 + 0.5
    interaction = 0.01 * pi8 * (1 / 18 - 1 / 50)
    own = 0.5 * (1 + 0.1 * pi4 / 5) ** 2
    expected = np.array([own + interaction, 49 / 8, interaction, 0.0]) / variance
    np.testing.assert_allclose(expected, [0.5576, 0.4424, 0.2437, 0], atol=1e-4)
    assert (np.abs(values - expected) <= 5 * errors).all()
    np.testing.assert_allclose(values, expected, atol=0.03)
    assert values.sum() > 1.1


def test_even_points_are_better_than_their_error_says():
    on, x = quarters("y = MatMul(z, ones)", [1.0, 2.0, 0.5, -3.0], ones=np.ones((4, 1)))
    each = [run(context(on, seed), x, samples=256)[1:] for seed in range(12)]
    spread = np.std([values for values, _ in each], axis=0, ddof=1)
    claimed = np.mean([errors for _, errors in each], axis=0)
    assert (claimed > 0.8 * spread).all()
    assert (claimed < 0.1).all()


def context(on, seed):
    return type(on)(on.network, on.preprocess, seed)


@functools.cache
def resnet(batch_size=None):
    return context_of(nets.exported("resnet").proto, PyTorchOnly, batch_size=batch_size)


@pytest.mark.parametrize("batch_size", [1, 7, 200])
def test_the_batch_size_changes_nothing(batch_size):
    x = nets.exported("resnet").x.astype("f4")
    one, other = (
        sobol(on, x, target_of(on, 3, "probability"), samples=5, regions=9)
        for on in (resnet(), resnet(batch_size))
    )
    np.testing.assert_allclose(other.values, one.values, rtol=1e-6)


def test_a_score_that_no_mask_changes_is_warned_of():
    on, x = quarters("y = MatMul(z, ones)", np.zeros(4), ones=np.ones((4, 1)))
    found, values, _ = run(on, x, samples=4)
    assert not values.any()
    assert "the same under every mask" in found.warnings[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"samples": 0}, "samples must be 1 or more"),
        ({"regions": 0}, "regions must be 1 to"),
        ({"max_seconds": 0.0}, "max_seconds must be above 0"),
        ({"segments": "hexagons"}, "allowed: slic, grid"),
    ],
)
def test_what_makes_no_sense_is_refused(options, words):
    x = nets.exported("resnet").x
    with pytest.raises(UsageError, match=words):
        sobol(resnet(), x, target_of(resnet(), 3), **options)
