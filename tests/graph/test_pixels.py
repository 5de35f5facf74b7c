"""Sums of the input's channels, followed by real arithmetic on a picture."""

from dataclasses import replace

import numpy as np
import pytest

from onnxplain.graph.pixels import Limits, Pixels
from onnxplain.graph.view import Node

NODE, OTHER = (Node("Add", "", "", ("x",), (n,), {}, 0) for n in "ab")
X = np.random.default_rng(0).integers(0, 256, (3, 20)).astype(np.float64)


def held(pixels):
    """The values that a tensor holds for the pixels X."""
    return pixels.weights @ X + pixels.shift[:, None]


def start():
    return Pixels.of_input("NCHW", 3)


def test_the_input_holds_itself():
    assert np.array_equal(held(start()), X)
    assert (start().count, start().roles, start().finite) == (3, ("N", "C", "H", "W"), True)


def test_a_chain_of_steps_is_one_affine_map():
    factor, shift = np.array([2.0, 0.5, 4.0]), np.array([1.0, -1.0, 8.0])
    matrix = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]])
    found = start().scaled(factor, shift, NODE).rows([2, 1, 0]).mixed(matrix, 3.0, OTHER)
    assert np.array_equal(held(found), matrix @ (X * factor[:, None] + shift[:, None])[::-1] + 3)
    assert found.nodes == (NODE, OTHER)


def test_one_channel_may_become_several():
    grey = start().mixed(np.full((1, 3), 0.5), 0.0, NODE)
    found = grey.scaled(np.ones(1), np.array([1.0, 2.0]), OTHER)
    assert np.array_equal(held(found), held(grey) + np.array([[1], [2]]))


def test_sums_and_stacks():
    red, blue = start().rows([0]), start().rows([2])
    assert np.array_equal(held(red.plus(blue, -1.0, NODE)), X[:1] - X[2:])
    assert np.array_equal(held(blue.beside(red)), X[[2, 0]])
    assert np.array_equal(held(start().plus(red, 1.0, NODE)), X + X[:1])
    assert start().plus(start().rows([0, 1]), 1.0, NODE) is None  # three channels and two
    assert red.plus(blue.laid_out("N", "H", "W", "C"), 1.0, NODE) is None


def test_limits_are_kept_once():
    one, two = (Limits("clipped", np.eye(3), np.zeros(3), t, 0, 1) for t in "ab")
    red, blue = replace(start().rows([0]), limits=(one,)), start().rows([2])
    blue = replace(blue, limits=(one, two))
    assert [limit.tensor for limit in red.beside(blue).limits] == ["a", "b"]


def test_what_no_longer_matters():
    shifted = start().scaled(np.ones(1), 5.0, NODE)
    freed = shifted.freed("shift", OTHER)
    assert freed.free == {"shift"}
    assert np.array_equal(held(freed), X)
    assert freed.freed("scale", OTHER).free == {"shift", "scale"}


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_numbers_that_are_none(value):
    assert start().finite
    assert not start().scaled(np.ones(1), np.array([1.0, value, 1.0]), NODE).finite
