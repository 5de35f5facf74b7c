"""Padding by ONNX's numbers against NumPy's."""

import numpy as np
import torch

from onnxplain.convert.padding import pad_spatial, torch_order


def test_the_order_is_last_axis_first_in_pairs():
    # ONNX lists all begins, then all ends.
    assert torch_order([1, 2, 3, 4]) == [2, 4, 1, 3]
    assert torch_order([1, 2, 3, 4, 5, 6]) == [3, 6, 2, 5, 1, 4]
    assert torch_order([]) == []


def test_padding_is_that_of_numpy():
    x = np.arange(24.0).reshape(1, 2, 3, 4)
    found = pad_spatial(torch.from_numpy(x), [1, 0, 2, 3], value=-7.0)
    wanted = np.pad(x, ((0, 0), (0, 0), (1, 2), (0, 3)), constant_values=-7.0)
    np.testing.assert_array_equal(found.numpy(), wanted)


def test_negative_numbers_crop():
    x = np.arange(12.0).reshape(1, 1, 3, 4)
    found = pad_spatial(torch.from_numpy(x), [-1, 1, 0, -2])
    np.testing.assert_array_equal(found.numpy()[0, 0], [[0, 4, 5], [0, 8, 9]])
