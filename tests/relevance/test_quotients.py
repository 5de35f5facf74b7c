"""Difference quotients, and derivatives where nothing changes."""

import torch

from onnxplain.relevance.quotients import difference_quotient


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_quotient_where_something_changes():
    x, base = numbers(3.0, -1.0, 0.5), numbers(1.0, 2.0, 0.0)
    found = difference_quotient(x**2, base**2, x, base, numbers(9.0, 9.0, 9.0))
    # (x^2 - b^2) / (x - b) = x + b
    assert found.tolist() == [4.0, 1.0, 0.5]


def test_slope_where_nothing_or_only_rounding_changes():
    x = numbers(2.0, 1e6, 1e-9)
    base = x + numbers(0.0, 1e-10, 1e-16)
    found = difference_quotient(x**2, base**2 + 1.0, x, base, 2 * x)
    assert torch.equal(found, 2 * x)


def test_gradients_stay_finite_where_nothing_changes():
    x = numbers(1.0, 2.0).requires_grad_()
    difference_quotient(x**2, x.detach() ** 2, x, x.detach(), 2 * x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
