"""Rules of signed contributions, as loops over a small matrix written from the papers."""

import numpy as np
import pytest
import torch

from onnxplain.relevance.signed_rules import RULES, alpha_beta_rule, gamma_rule, z_plus_rule

X = np.array([[1.0, -2.0, 3.0]])
W = np.array([[2.0, -1.0], [1.0, 3.0], [-1.0, 2.0]])
B = np.array([5.0, -4.0])
GIVEN = np.array([[3.0, 2.0]])


def layer(x, w, b):
    return x @ w if b is None else x @ w + b


def by(rule, **parameters):
    x, w, b, given = (torch.from_numpy(v) for v in (X, W, B, GIVEN))
    return rule(layer, x, w, b, layer(x, w, b), given, **parameters).numpy()


def shares(part, part_of_bias):
    """Share out what each output got by one part of the contributions."""
    z = part(X.T * W)
    return (z / (z.sum(0) + part_of_bias(B)) * GIVEN).sum(1)[None]


def positive(z):
    return np.maximum(z, 0)


def negative(z):
    return np.minimum(z, 0)


def none(b):
    return 0 * b


# The stabiliser of 1e-6 is added to sums of at least 1.
TOLERANCE = 1e-5


@pytest.mark.parametrize("zero_bias", [False, True])
def test_z_plus(zero_bias):
    wanted = shares(positive, none if zero_bias else positive)
    np.testing.assert_allclose(by(z_plus_rule, zero_bias=zero_bias), wanted, atol=TOLERANCE)


@pytest.mark.parametrize(("alpha", "beta"), [(2.0, 1.0), (1.0, 0.0), (1.5, 0.5)])
def test_alpha_beta(alpha, beta):
    wanted = alpha * shares(positive, positive) - beta * shares(negative, negative)
    found = by(alpha_beta_rule, alpha=alpha, beta=beta)
    np.testing.assert_allclose(found, wanted, atol=10 * TOLERANCE)


def test_gamma_raises_contributions_of_the_sign_of_the_output():
    y = (X @ W + B)[0]
    assert y[0] > 0 > y[1]  # both branches are met
    z, wanted = X.T * W, 0.0
    for j, part in enumerate((positive, negative)):
        more = z[:, j] + 0.25 * part(z[:, j])
        bias = B[j] + 0.25 * part(B[j])
        wanted = wanted + more / (more.sum() + bias) * GIVEN[0, j]
    np.testing.assert_allclose(by(gamma_rule), wanted[None], atol=10 * TOLERANCE)


def test_every_rule_keeps_the_shape_and_is_linear_in_relevance():
    x, w, b, given = (torch.from_numpy(v) for v in (X, W, B, GIVEN))
    y = layer(x, w, b)
    for name, rule in RULES.items():
        if name in ("pass", "z-box"):  # these need equal shapes, and bounds
            continue
        one, two = (rule(layer, x, w, b, y, k * given) for k in (1.0, 2.0))
        assert one.shape == x.shape, name
        torch.testing.assert_close(2 * one, two, rtol=1e-12, atol=1e-12)
