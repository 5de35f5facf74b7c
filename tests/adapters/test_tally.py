"""Leaks and growth of several batches, added up by hand."""

import numpy as np

from onnxplain.adapters.base import Signal
from onnxplain.adapters.tally import Tally
from onnxplain.relevance.growth import Growth
from onnxplain.relevance.leak import Leak


def test_leaks_are_added_and_the_largest_growth_counts():
    tally = Tally([Signal("y", np.ones((2, 1))), Signal("z", np.ones((2, 1)))])
    tally.add(0, [Leak("a", "Conv", 1.0), Leak("b", "Gemm", -2.5)], Growth(times=2.0))
    tally.add(0, [Leak("a", "Conv", 3.0), Leak("b", "Gemm", 0.5)], Growth(times=1.0))
    tally.add(1, [Leak("a", "Conv", -7.0)], Growth())
    joined = {"value:y": np.zeros(2), "value:z": np.ones(2)}
    joined |= {f"relevance:{k}:image": np.full(2, k) for k in (0, 1)}
    first, second = tally.result(joined, ["image"])
    assert first.leaks == (Leak("a", "Conv", 4.0), Leak("b", "Gemm", -2.0))
    assert (first.growth.times, second.growth.times) == (2.0, 0.0)
    assert second.leaks == (Leak("a", "Conv", -7.0),)
    assert (list(first.values), list(second.values)) == (["y"], ["z"])
    np.testing.assert_array_equal(second.relevance["image"], np.ones(2))
