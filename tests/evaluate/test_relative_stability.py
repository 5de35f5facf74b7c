"""Relative stability against loops over the values, with the same noise."""

from dataclasses import replace

import numpy as np
import pytest
from evaluate.linear import case, linear_model, logits, probabilities

from onnxplain.errors import NumericalError
from onnxplain.evaluate.measures import MEASURES
from onnxplain.evaluate.relative_stability import (
    Neighbour,
    input_stability,
    output_stability,
    relative_input_stability,
    relative_output_stability,
)

BOTH = [relative_input_stability, relative_output_stability]


def curved(other):
    return np.exp(3 * other.x[0, 0].astype(float)) - 0.9 * other.x[0, 1]


def made(remap=curved, **more):
    first = case(**more)
    return replace(first, remap=remap, heatmap=remap(first.picture))


def share(before, after):
    """Norm of (a - b) / a, value by value."""
    return sum(((a - b) / a) ** 2 for a, b in zip(before.flat, after.flat, strict=True) if a) ** 0.5


def by_hand(asked, of_output):
    """Agarwal et al. 2022: the largest ratio over neighbours with the same prediction."""
    x = asked.picture.x
    rng = np.random.default_rng([0, int(asked.picture.sha256[:8], 16), 4])
    ratios = []
    for _ in range(10):
        moved = (x * (1 + 0.02 * rng.uniform(-1.0, 1.0, x.shape))).astype(np.float32)
        if probabilities(moved).argmax() != probabilities(x).argmax():
            continue
        there = replace(asked.picture, x=moved)
        change = share(asked.heatmap, asked.remap(there))
        if of_output:
            ratios.append(change / np.linalg.norm(logits(x) - logits(moved)))
        else:
            ratios.append(change / share(x.astype(float), moved.astype(float)))
    return max(ratios)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("measure", "of_output"), list(zip(BOTH, (False, True), strict=True)))
def test_against_the_papers_formulas(measure, of_output, seed):
    asked = made(seed=seed)
    assert measure(asked) == pytest.approx(by_hand(asked, of_output), rel=1e-6)


def test_a_map_in_proportion_to_the_input_changes_as_much_as_it():
    first = Neighbour(np.array([1.0, 2.0]), np.array([[1.0, 2.0]]), np.array([0.0]))
    other = Neighbour(np.array([1.1, 1.9]), np.array([[1.1, 1.9]]), np.array([0.5]))
    assert input_stability(first, [other]) == pytest.approx(1.0)
    assert output_stability(first, [other]) == pytest.approx(np.hypot(0.1, 0.05) / 0.5)
    far = replace(other, heatmap=np.array([[2.0, 2.0]]))
    assert output_stability(first, [other, far]) == pytest.approx(1 / 0.5)


@pytest.mark.parametrize("measure", BOTH)
def test_a_map_that_stays_has_zero_and_units_do_not_count(measure):
    assert measure(made(lambda other: np.ones((8, 8)))) == 0
    assert measure(made(lambda other: np.zeros((8, 8)))) == 0
    times = made(lambda other: -1000 * curved(other))
    assert measure(times) == pytest.approx(measure(made()), rel=1e-9)


@pytest.mark.parametrize("measure", BOTH)
def test_a_change_from_zero_has_no_relative_size(measure):
    first = made()
    spoiled = replace(first, heatmap=np.where(np.eye(8) > 0, 0.0, first.heatmap))
    with pytest.raises(NumericalError, match="the map is zero at 8 places"):
        measure(spoiled)


@pytest.mark.parametrize("measure", BOTH)
def test_a_black_picture_has_no_neighbours(measure):
    first = made()
    black = replace(first, picture=replace(first.picture, x=np.zeros_like(first.picture.x)))
    with pytest.raises(NumericalError, match="none of 10 pictures with noise of 2%"):
        measure(black)


def test_an_answer_that_stays_cannot_be_compared_with():
    first = Neighbour(np.array([1.0]), np.array([[1.0]]), np.array([0.3]))
    other = Neighbour(np.array([1.1]), np.array([[1.2]]), np.array([0.3]))
    assert input_stability(first, [other]) == pytest.approx(2.0)
    with pytest.raises(NumericalError, match="leaves the answer as it is"):
        output_stability(first, [other])


@pytest.mark.parametrize("measure", BOTH)
def test_only_neighbours_with_the_same_prediction_are_compared(measure, monkeypatch):
    asked = made()
    task = linear_model().task
    given = iter([0, *[1] * 9, 0])
    said = task.predict

    class Said:
        def __init__(self, found, winner):
            self.found, self.winner = found, winner

        def of_kind(self, kind):
            return self.found.of_kind(kind)

    monkeypatch.setattr(task, "predict", lambda *a: Said(said(*a), next(given)))
    seen = []
    measure(replace(asked, remap=lambda other: seen.append(other) or curved(other)))
    assert len(seen) == 1


@pytest.mark.parametrize("name", ["relative-input-stability", "relative-output-stability"])
def test_a_map_that_is_drawn_anew_is_less_stable_than_one_that_follows_the_picture(name):
    rng = np.random.default_rng(0)
    anew, follows = (
        MEASURES[name].function(made(remap))
        for remap in (
            lambda other: rng.random((8, 8)),
            lambda other: 1 + other.x[0, 0].astype(float),
        )
    )
    assert anew > 100 * follows > 0
    assert MEASURES[name].better == "lower"
