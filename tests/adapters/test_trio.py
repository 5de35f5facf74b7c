"""Batches that keep two inputs and change all others, and what their results differ by."""

from itertools import product

import company
import numpy as np
import pytest

from onnxplain.adapters.trio import Trio, unequal
from onnxplain.graph.image_input import ImageInput, find_image_input
from onnxplain.graph.prepare import prepare

X = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)


def image(batch="N") -> ImageInput:
    return find_image_input(prepare(company.classifier(batch=batch)))


@pytest.mark.parametrize("size", [2, 3, 6])
def test_the_batches_keep_two_inputs_and_change_all_others(size):
    trio = Trio.of(X, image("N" if size == 2 else size))
    first, second, third = trio.batches
    assert trio.size == len(first) == len(second) == len(third) == size
    np.testing.assert_array_equal(trio.first, X)
    assert unequal(first[0], second[0]) == unequal(first[-1], third[-1]) == 0
    np.testing.assert_array_equal(first[:1], trio.first)
    np.testing.assert_array_equal(first[-1:], trio.last)
    assert all(unequal(a, b) > 0.1 for a, b in zip(first[1:], second[1:], strict=True))
    assert all(unequal(a, b) > 0.1 for a, b in zip(first[:-1], third[:-1], strict=True))


def test_all_inputs_stay_in_the_range_and_in_the_element_type():
    pixels = np.random.default_rng(1).integers(7, 200, (1, 3, 16, 16)).astype(np.uint8)
    trio = Trio.of(pixels, image(5))
    together = np.concatenate(trio.batches)
    assert together.dtype == np.uint8
    assert together.min() == pixels.min()
    assert together.max() == pixels.max()
    # The last one is the first, its contrast reversed and moved by a third.
    back = np.roll(trio.last.astype(int), (-5, -5), (2, 3))
    np.testing.assert_array_equal(back, int(pixels.min()) + int(pixels.max()) - pixels.astype(int))


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (lambda b: 2 * b, "neither"),
        (lambda b: b - b.mean(axis=0), "both"),
        (lambda b: b * len(b), "number"),
        # What stands behind reaches the first input, what stands in front the last one.
        (lambda b: np.cumsum(b[::-1], axis=0)[::-1], "both"),
        (lambda b: np.cumsum(b, axis=0), "both"),
    ],
)
def test_what_comes_from_the_others_is_told_from_what_comes_from_their_number(function, wanted):
    trio = Trio.of(X.astype(np.float64), image())
    alone = [function(x) for x in (trio.first, trio.last)]
    content, number = trio.differences([function(b) for b in trio.batches], *alone)
    assert (content > 0.01) == (wanted == "both")
    assert (number > 0.01) == (wanted in ("both", "number"))
    assert wanted == "both" or content == 0.0
    assert wanted != "neither" or number == 0.0


def test_a_tensor_without_a_batch_axis_tells_nothing():
    trio = Trio.of(X, image())
    found = [np.zeros(7)] * 3
    assert trio.differences(found, np.zeros(7), np.zeros(7)) == (float("inf"), float("inf"))


def test_not_a_number_equals_itself():
    nan, inf = float("nan"), float("inf")
    for one, other in product([1.0, nan, inf], repeat=2):
        same = one == other or (one != one and other != other)
        assert unequal(np.array([one]), np.array([other])) == (0 if same else inf)
    assert unequal(np.zeros(2), np.zeros(3)) == inf


def test_the_largest_difference_is_exact_for_unsigned_numbers():
    one, other = np.array([3, 250], np.uint8), np.array([5, 20], np.uint8)
    assert unequal(one, other) == unequal(other, one) == 230.0
