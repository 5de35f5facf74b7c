"""Imputation against the equations, written down one by one and solved densely."""

import numpy as np
import pytest
from imputed_densely import by_hand

from onnxplain.perturb.impute import impute

RNG = np.random.default_rng(11)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(9, 7, 3), (1, 12, 1), (12, 1, 2), (2, 2, 1)])
def test_against_the_equations(shape, share):
    values = RNG.normal(size=shape)
    removed = np.zeros(shape[0] * shape[1], bool)
    count = min(removed.size - 1, max(1, round(share * removed.size)))
    removed[RNG.choice(removed.size, count, replace=False)] = True
    removed = removed.reshape(shape[:2])
    np.testing.assert_allclose(impute(values, removed), by_hand(values, removed), atol=1e-12)


def test_one_known_corner_fills_everything():
    values, removed = RNG.normal(size=(6, 5, 2)), np.ones((6, 5), bool)
    removed[5, 0] = False
    found = impute(values, removed)
    np.testing.assert_allclose(found, np.broadcast_to(values[5, 0], found.shape), atol=1e-10)


def test_a_block_in_a_plane_is_restored():
    """A plane is the mean of its neighbours everywhere; a block that touches no border is."""
    rows, columns = np.mgrid[:20, :30]
    plane = (0.3 * rows - 0.2 * columns + 4.0)[..., None]
    removed = np.zeros((20, 30), bool)
    removed[3:17, 5:26] = True
    spoiled = np.where(removed[..., None], 99.0, plane)
    np.testing.assert_allclose(impute(spoiled, removed), plane, atol=1e-10)


def test_nothing_removed_is_nothing_changed():
    values = RNG.normal(size=(4, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(impute(values, np.zeros((4, 4), bool)), values)
