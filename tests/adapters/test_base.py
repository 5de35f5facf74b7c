"""Batches joined, and signals of given numbers."""

import numpy as np
import pytest

from onnxplain.adapters.base import Signal, in_batches, of_rows
from onnxplain.errors import UsageError


def counted(sizes):
    def run(x):
        sizes.append(len(x))
        return {"double": 2 * x}

    return run


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"size": 3}, [3, 3, 1]),
        ({"size": 0}, [1] * 7),
        ({"size": 3, "fixed": 4}, [4, 4]),
        ({"size": 3, "apart": True}, [1] * 7),
        ({"size": 3, "fixed": 2, "apart": True}, [2] * 7),
    ],
)
def test_slices_and_what_comes_back(options, wanted):
    sizes, x = [], np.arange(14.0).reshape(7, 2)
    found = in_batches(counted(sizes), x, **options)
    assert sizes == wanted
    np.testing.assert_array_equal(found["double"], 2 * x)


def test_what_holds_no_batch_is_returned_from_one_slice_only():
    def run(x):
        return {"table": np.arange(5)}

    x = np.zeros((4, 2))
    np.testing.assert_array_equal(in_batches(run, x, 4)["table"], np.arange(5))
    with pytest.raises(UsageError, match=r"'table' of shape \(5,\) does not hold the batch of 2"):
        in_batches(run, x, 2)
    stacked = in_batches(run, x, 1, 1)["table"]
    np.testing.assert_array_equal(stacked, np.tile(np.arange(5), (4, 1)))


def test_lengths_that_differ_between_inputs_are_refused():
    def run(x):
        return {"found": np.zeros(int(x[0, 0]))}

    with pytest.raises(
        UsageError, match=r"shape of tensor 'found' depends on the input .*\(2,\) and \(3,\)"
    ):
        in_batches(run, np.array([[2.0], [3.0]]), 1, 1)


def test_a_signal_is_its_numbers_whatever_the_values():
    signal = Signal("t", np.arange(6.0).reshape(3, 2))
    assert signal.tensors == ("t",)
    for found in (signal.slopes({}), signal.starts({}), signal.secants({}, {})):
        np.testing.assert_array_equal(found["t"], signal.values)
    part = of_rows(signal, np.array([2, 0]))
    np.testing.assert_array_equal(part.values, [[4, 5], [0, 1]])
    other = object()
    assert of_rows(other, np.array([0])) is other
