"""Unsigned types in which PyTorch does not compute, against NumPy."""

import numpy as np
import pytest
import torch

from onnxplain.convert.function import Function
from onnxplain.convert.widening import Widened


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64"])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "maximum"])
def test_results_have_the_type_and_bits_of_numpy(dtype, name):
    a = np.array([0, 1, 7, 40_000], dtype)
    b = np.array([1, 3, 5, 30_000], dtype)
    if dtype == "uint64" and name == "sub":
        b = np.array([0, 0, 5, 30_000], dtype)
    module = Widened(Function(getattr(torch, name)))
    found = module(torch.from_numpy(a), torch.from_numpy(b))
    wanted = getattr(np, {"sub": "subtract", "mul": "multiply"}.get(name, name))(a, b)
    assert found.numpy().dtype == wanted.dtype
    np.testing.assert_array_equal(found.numpy(), wanted)


def test_a_comparison_stays_boolean_and_other_types_are_left_alone():
    module = Widened(Function(torch.lt))
    small, large = (torch.tensor([v], dtype=torch.uint32) for v in (1, 2**31 + 1))
    assert module(small, large).dtype == torch.bool
    assert module(small, large).item()
    halves = torch.tensor([0.5])
    assert Widened(Function(torch.add))(halves, halves).dtype == torch.float32


def test_what_int64_cannot_hold_is_refused():
    large = torch.from_numpy(np.array([2**63], "uint64"))
    with pytest.raises(ValueError, match=r"2\*\*63"):
        Widened(Function(torch.add))(large, large)
