"""Maps computed on few positions, and finely only where they change."""

import numpy as np
import pytest

from onnxplain.perturb.refine import filled, refined


def evaluated(values):
    """Return a function of positions that keeps a list of those that it was asked for."""
    asked = []

    def evaluate(indices):
        asked.extend(indices.tolist())
        return values.flat[indices], np.flatnonzero(np.ones(values.size))[indices]

    return evaluate, asked


def test_step_one_computes_everything_once(rng):
    values = rng.normal(size=(5, 7))
    evaluate, asked = evaluated(values)
    found = refined(evaluate, values.shape, 1)
    np.testing.assert_array_equal(found.values, values)
    np.testing.assert_array_equal(found.classes, np.arange(35).reshape(5, 7))
    assert not found.interpolated.any()
    assert sorted(asked) == list(range(35))


@pytest.mark.parametrize("step", [2, 3, 4, 8])
def test_a_plane_is_interpolated_exactly_from_few_positions(step):
    rows, columns = np.mgrid[:9, :13]
    # A change of less than a fifth of the range in each cell of the first lattice but large
    # ones: those are refined, which changes nothing.
    values = 2.0 * rows - 3.0 * columns
    evaluate, asked = evaluated(values)
    found = refined(evaluate, values.shape, step)
    np.testing.assert_allclose(found.values, values, atol=1e-12)
    assert len(asked) == len(set(asked)) == (~found.interpolated).sum()
    if step == 2:
        assert found.interpolated.any()


def test_only_what_changes_is_computed_finely():
    values = np.zeros((9, 17))
    values[:, 14:] = 1.0  # an edge inside of the last cells of four
    evaluate, _ = evaluated(values)
    found = refined(evaluate, values.shape, 4)
    np.testing.assert_array_equal(found.values, values)
    computed = ~found.interpolated
    assert computed[:, 12:15].all()
    assert not computed[1:4, :12].any()


def test_a_detail_between_equal_corners_is_missed_and_marked():
    values = np.zeros((5, 5))
    values[2, 2] = 1.0
    evaluate, asked = evaluated(values)
    found = refined(evaluate, values.shape, 4)
    assert sorted(asked) == [0, 4, 20, 24]
    assert found.values[2, 2] == 0
    assert found.interpolated[2, 2]


def test_gaps_take_the_nearest_value():
    values = np.array([[7, 0, 0, 0, 9]])
    computed = np.array([[True, False, False, False, True]])
    found = filled(values, computed)
    assert found[0, [0, 1, 3, 4]].tolist() == [7, 7, 9, 9]
