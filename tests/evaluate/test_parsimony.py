"""Complexity and sparseness against the papers' formulas, written down as loops."""

import math

import numpy as np
import pytest
from evaluate.linear import SIDE, case

from onnxplain.errors import NumericalError
from onnxplain.evaluate.measures import MEASURES
from onnxplain.evaluate.parsimony import entropy, gini

MAPS = [
    np.random.default_rng(0).normal(size=(6, 5)),
    np.random.default_rng(1).random((3, 7)) ** 8,
    np.maximum(np.random.default_rng(2).normal(size=(9, 9)), 0),
    1e-300 * np.random.default_rng(3).random((4, 4)),
]


def entropy_by_hand(heatmap):
    """Bhatt et al. 2020: the entropy of P(i) = |g_i| / sum of |g_j|."""
    total = math.fsum(abs(v) for v in heatmap.flat)
    shares = [abs(v) / total for v in heatmap.flat]
    return -math.fsum(p * math.log(p) for p in shares if p)


def gini_by_hand(heatmap):
    """Half of the mean difference of any two magnitudes, relative to their mean.

    The index by its meaning; Chalasani et al. give the sorted form of it.
    """
    sizes = [abs(v) for v in heatmap.flat]
    apart = math.fsum(abs(a - b) for a in sizes for b in sizes)
    return apart / (2 * len(sizes) * math.fsum(sizes))


@pytest.mark.parametrize("heatmap", MAPS)
def test_against_the_formulas(heatmap):
    assert entropy(heatmap) == pytest.approx(entropy_by_hand(heatmap), rel=1e-12)
    assert gini(heatmap) == pytest.approx(gini_by_hand(heatmap), rel=1e-12)


def test_one_pixel_and_a_flat_map_are_the_ends():
    one, flat = np.zeros((SIDE, SIDE)), np.full((SIDE, SIDE), -3.0)
    one[2, 5] = 0.1
    assert entropy(one) == 0
    assert gini(one) == pytest.approx(1 - 1 / SIDE**2, rel=1e-12)
    assert entropy(flat) == pytest.approx(math.log(SIDE**2), rel=1e-12)
    assert gini(flat) == pytest.approx(0, abs=1e-12)


def test_signs_and_units_do_not_count():
    for measure in (entropy, gini):
        assert measure(-7 * np.abs(MAPS[0])) == pytest.approx(measure(MAPS[0]), rel=1e-12)


def test_the_fewer_pixels_the_better():
    for name in ("complexity", "sparseness"):
        measure = MEASURES[name]
        few, many = (
            measure.function(
                case(heatmap=np.abs(np.random.default_rng(4).normal(size=(8, 8))) ** p)
            )
            for p in (4, 1)
        )
        assert (few > many) == (measure.better == "higher")


@pytest.mark.parametrize("measure", [entropy, gini])
def test_an_empty_map_has_no_shares(measure):
    with pytest.raises(NumericalError, match="zero everywhere"):
        measure(np.zeros((4, 4)))
