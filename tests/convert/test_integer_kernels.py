"""Arithmetic of 8-bit kernels against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from onnxplain.convert.integer_kernels import (
    EXACT,
    Quantised,
    added,
    averaged,
    multiplied,
    round_straight_through,
    softmax,
    summing_type,
    whole,
)


def quantised(values, scale, zero):
    return Quantised(*(torch.tensor(v, dtype=torch.float32) for v in (values, scale, zero)))


def number(value):
    return torch.tensor(value, dtype=torch.float32)


# Scales are powers of two, so that nothing is rounded on the way.
A = quantised([[10.0, 200.0, 3.0]], 0.5, 128.0)
B = quantised([[0.0, 255.0, 77.0]], 0.25, 4.0)
Y_SCALE, Y_ZERO = 0.125, 16.0


def real(t):
    return [
        (Fraction(float(q)) - Fraction(float(t.zero))) * Fraction(float(t.scale)) for q in t.q[0]
    ]


@pytest.mark.parametrize(
    ("function", "wanted"),
    [(added, lambda a, b: a + b), (multiplied, lambda a, b: a * b)],
)
def test_sums_and_products_in_steps_of_the_result(function, wanted):
    found = function(A, B, number(Y_SCALE), number(Y_ZERO))
    exact = [
        wanted(a, b) / Fraction(Y_SCALE) + Fraction(Y_ZERO)
        for a, b in zip(real(A), real(B), strict=True)
    ]
    assert found[0].tolist() == [float(v) for v in exact]


def test_means_round_before_the_zero_point_is_added():
    x = quantised([[[[1.0, 2.0], [3.0, 4.0]]]], 1.0, 0.0)
    # The mean is 2.5 steps, which rounds to the even 2; with 3 added first it would be 6.
    assert averaged(x, number(1.0), number(3.0)).flatten().tolist() == [5.0]


def test_softmax_is_that_of_the_real_numbers_up_to_a_step():
    x = quantised([[10.0, 200.0, 190.0, 30.0]], 0.0625, 100.0)
    found = softmax(x, -1, number(1 / 256), number(0.0))
    z = np.exp((x.q.double().numpy() - 100) * 0.0625)
    np.testing.assert_allclose(found.numpy(), 256 * z / z.sum(), atol=0.5001)


def test_rounding_is_to_even_and_passes_derivatives():
    x = torch.tensor([0.5, 1.5, -2.5, 0.4], requires_grad=True)
    y = round_straight_through(x)
    assert y.tolist() == [0.0, 2.0, -2.0, 0.0]
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert slope.tolist() == [1.0] * 4


def test_only_numbers_that_are_nearly_whole_become_whole():
    assert whole(torch.tensor([2.0001, 2.25, -3.9999])).tolist() == [2.0, 2.25, -4.0]


def test_float32_sums_only_what_it_holds_exactly():
    weight = torch.full((2, 100), 127.0)
    assert summing_type(weight, [1], 255.0) == torch.float32  # 3 238 500 < 2**24
    assert summing_type(weight.repeat(1, 6), [1], 255.0) == EXACT
