"""Slopes averaged between two inputs: means by SciPy, and completeness where scores saturate."""

import numpy as np
import pytest
import scipy.integrate

from onnxplain.targets.likeness import Likeness
from onnxplain.targets.reading import Piece, Reading
from onnxplain.targets.target import Target
from onnxplain.targets.values import ValueScore

RNG = np.random.default_rng(0)
CLASSES = 5


def ends(spread, inputs=2):
    """Class 0 wins for one input by about `spread`, and loses as much for the other one."""
    here, there = RNG.normal(size=(2, inputs, CLASSES))
    here[:, 0] += spread
    there[:, 0] -= 0.7 * spread
    return {"y": here}, {"y": there}


def given(target, here, there):
    found = target.secants(here, there)["y"]
    return (found * (here["y"] - there["y"])).reshape(len(found), -1).sum(axis=1)


@pytest.mark.parametrize("spread", [1.0, 10.0, 100.0, 10_000.0])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("more", [{}, {"contrast": 2}, {"margin": True}, {"negative": True}])
def test_completeness_of_probabilities(activation, spread, more):
    """Also where the score changes on a small part of the way only."""
    target = Target(0, "probability", "y", activation, CLASSES, **more)
    here, there = ends(spread)
    change = target.score(here) - target.score(there)
    assert np.abs(change).min() > 0.01
    np.testing.assert_allclose(given(target, here, there), change, rtol=1e-11)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("spread", [1.0, 20.0])
def test_each_multiplier_is_the_mean_of_the_slopes(activation, spread):
    target = Target(0, "probability", "y", activation, CLASSES)
    here, there = ends(spread, inputs=1)
    found = target.secants(here, there)["y"][0]
    for k in range(CLASSES):

        def slope(t, k=k):
            return target.slopes({"y": there["y"] + t * (here["y"] - there["y"])})["y"][0, k]

        mean, _ = scipy.integrate.quad(slope, 0, 1, epsabs=1e-13, epsrel=1e-12, limit=500)
        assert found[k] == pytest.approx(mean, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("where", ["picture", "baseline"])
def test_a_rival_that_changes_has_all_of_the_change(where):
    """What the largest other score gains or loses goes to one class, for each input."""
    here, there = np.array([[2.0, 3.0, 0.0]]), np.array([[1.0, -1.0, 0.5]])
    if where == "baseline":
        here, there = there, here
    for kind, activation in (("logit", "none"), ("probability", "softmax")):
        target = Target(0, kind, "y", activation, 3, margin=True)
        values = {"y": here}, {"y": there}
        change = target.score(values[0]) - target.score(values[1])
        np.testing.assert_allclose(given(target, *values), change, rtol=1e-12)
    linear = Target(0, "logit", "y", "none", 3, margin=True).secants({"y": here}, {"y": there})
    # The largest other score rises from 0.5 (class 2) to 3 (class 1), or falls back.
    np.testing.assert_allclose(linear["y"], [[1.0, -2.5 / 4, 0.0]])


def test_exponentials():
    target = ValueScore("", "", Reading((Piece("y"),), activation="exp"), 0)
    here, there = ends(30.0)
    np.testing.assert_allclose(
        given(target, here, there), target.score(here) - target.score(there), rtol=1e-11
    )


def test_an_embedding_that_turns_on_a_short_part_of_the_way():
    """Close to zero it changes its direction at once."""
    way = np.array([1.0, 0.0, 0.0])
    beside = np.array([0.0, 1e-3, 0.0])
    target = Likeness("", "", Reading((Piece("y"),)), np.array([1.0, 0.2, 0.5]))
    here, there = {"y": (beside + way)[None]}, {"y": (beside - 0.6 * way)[None]}
    change = target.score(here) - target.score(there)
    assert change > 1.5
    np.testing.assert_allclose(given(target, here, there), change, rtol=1e-10)


def test_equal_inputs_have_slopes():
    target = Target(0, "probability", "y", "softmax", CLASSES)
    here, _ = ends(1.0)
    np.testing.assert_allclose(
        target.secants(here, here)["y"], target.slopes(here)["y"], rtol=1e-13
    )
