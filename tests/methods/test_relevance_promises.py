"""Warnings where relevance is not what it promises to be."""

import numpy as np
import pytest
from handmade import context_of, model

from onnxplain.errors import NumericalError
from onnxplain.methods.relevance_promises import (
    deep_taylor_warnings,
    relevance_warnings,
    require_finite,
)
from onnxplain.relevance.composites import composite
from onnxplain.relevance.growth import Growth

GREW = Growth(1e9, 1e9, "t", "Gemm", 1e9)


@pytest.fixture(scope="module")
def network():
    return context_of(
        model("f = Flatten(image) scores = MatMul(f, w)", w=np.ones((108, 2)))
    ).network


def warned(network, growth, shares, name="epsilon"):
    found = None if shares is None else np.array(shares)
    return relevance_warnings(network, composite(name), growth, found)


def test_a_share_within_reason_is_no_matter(network):
    assert warned(network, Growth(), [0.0, 0.5, 1.0, 2.0, -1.0]) == ()
    assert warned(network, Growth(), None) == ()


@pytest.mark.parametrize(("shares", "said"), [([0.5, 2.5], "250 %"), ([-1.5, 1.0], "-150 %")])
def test_a_sum_that_is_no_share_of_the_score(network, shares, said):
    (warning,) = warned(network, Growth(), shares)
    assert warning.startswith(f"{said} of the score arrives")
    assert "zero_bias=true" in warning


def test_growth_is_told_first_with_another_composite(network):
    (warning,) = warned(network, GREW, [9.0])
    assert "Gemm 't'" in warning
    assert "use composite=auto" in warning
    (warning,) = warned(network, GREW, None, "epsilon-gamma-box")
    assert "composite=auto" not in warning


def test_overflow_is_refused_with_its_place():
    require_finite(np.ones(3), GREW)
    for wrong in (np.nan, np.inf):
        with pytest.raises(NumericalError, match="overflows at Gemm 't'"):
            require_finite(np.array([1.0, wrong]), GREW)


def test_deep_taylor_has_one_sign_and_loses_nothing_without_biases():
    same = np.array([[1.0, 2.0, 0.0]])
    assert deep_taylor_warnings(same, np.array([0.3]), complete=False) == ()
    assert deep_taylor_warnings(same, np.array([1.0]), complete=True) == ()
    (lost,) = deep_taylor_warnings(same, np.array([0.3]), complete=True)
    assert lost.startswith("30 % of the score arrives")
    (mixed,) = deep_taylor_warnings(np.array([[1.0, -0.1]]), np.array([1.0]), complete=True)
    assert "both signs" in mixed
    # A hundredth of the other sign is rounding.
    assert deep_taylor_warnings(np.array([[1.0, -0.005]]), np.array([1.0]), complete=True) == ()
    assert deep_taylor_warnings(-same, np.array([-1.0]), complete=False) != ()
