"""What is the same in the pictures of a class, and what only looks like it."""

import numpy as np
import pytest

from onnxplain.audit.shortcuts.sameness import share_of_same

SIDE = 8


def noise(count, seed, channels=3):
    return np.random.default_rng(seed).normal(size=(count, channels, SIDE, SIDE))


def marked(pictures, rows=slice(0, 4), spread=0.0):
    found = pictures.copy()
    varied = np.random.default_rng(9).normal(size=found.shape) * spread
    found[:, :, rows] = 2.0 + varied[:, :, rows]
    return found


def test_the_share_is_that_of_the_mark():
    assert share_of_same(marked(noise(12, 0)), noise(20, 1), 1) == 0.5
    assert share_of_same(marked(noise(12, 0), slice(0, 1)), noise(20, 1), 1) == 1 / SIDE


def test_of_either_layout():
    donors, hosts = marked(noise(12, 0)), noise(20, 1)
    turned = share_of_same(np.moveaxis(donors, 1, 3), np.moveaxis(hosts, 1, 3), 3)
    assert turned == share_of_same(donors, hosts, 1)


@pytest.mark.parametrize(("spread", "share"), [(0.05, 0.5), (1.0, 0.0)])
def test_a_mark_may_vary_a_little(spread, share):
    assert share_of_same(marked(noise(12, 0), spread=spread), noise(20, 1), 1) == share


def test_a_few_pictures_without_the_mark_change_nothing():
    donors = marked(noise(12, 0))
    donors[:3] = noise(3, 2)
    assert share_of_same(donors, noise(20, 1), 1) == 0.5


def test_unlike_pictures_have_nothing_the_same():
    assert share_of_same(noise(12, 0), noise(20, 1), 1) == 0.0


def test_what_all_pictures_have_is_no_mark():
    """A black border, or a frame around every picture."""
    assert share_of_same(marked(noise(12, 0)), marked(noise(20, 1)), 1) == 0.0


def test_a_mark_on_an_even_ground_is_one():
    ground = np.zeros((20, 1, SIDE, SIDE))
    assert share_of_same(marked(ground[:12]), ground, 1) == 0.5


def test_bytes_do_not_overflow():
    donors = np.full((5, 1, SIDE, SIDE), 250, np.uint8)
    hosts = np.full((5, 1, SIDE, SIDE), 3, np.uint8)
    assert share_of_same(donors, hosts, 1) == 1.0
