"""Numbers without classes as targets: one, a mean of several, or what makes it lower."""

import numpy as np
import pytest

from onnxplain.errors import NumericalError
from onnxplain.targets.reading import Piece, Reading
from onnxplain.targets.recorded import target_from
from onnxplain.targets.values import ValueScore

Y = np.random.default_rng(0).normal(size=(3, 4, 5))
WHOLE = Reading((Piece("y"),))
PART = Reading((Piece("y", np.array([19, 0, 7])),))
STEP = 1e-6


def score_of(row=None, reading=WHOLE, **more):
    return ValueScore("a value", "a-value", reading, row, **more)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (score_of(), Y.mean(axis=(1, 2))),
        (score_of(2), Y[:, 2].mean(axis=1)),
        (score_of(0, PART), Y[:, 3, 4]),
        (score_of(None, PART), (Y[:, 3, 4] + Y[:, 0, 0] + Y[:, 1, 2]) / 3),
    ],
)
def test_a_number_or_the_mean_of_several(target, expected):
    np.testing.assert_allclose(target.score({"y": Y}), expected, rtol=1e-14)
    lower = ValueScore("", "", target.reading, target.row, negative=True)
    np.testing.assert_array_equal(lower.score({"y": Y}), -target.score({"y": Y}))


@pytest.mark.parametrize("activation", ["none", "exp", "sigmoid"])
@pytest.mark.parametrize("row", [None, 1])
@pytest.mark.parametrize("negative", [False, True])
def test_slopes_are_those_of_the_number(activation, row, negative):
    reading = Reading((Piece("y"),), activation=activation, scale=3.0)
    target = score_of(row, reading, negative=negative)
    slopes = target.slopes({"y": Y})["y"]
    assert slopes.shape == Y.shape
    for way in np.random.default_rng(1).normal(size=(4, *Y.shape)):
        ends = [target.score({"y": Y + sign * STEP * way}) for sign in (1, -1)]
        expected = (ends[0] - ends[1]) / (2 * STEP)
        np.testing.assert_allclose((slopes * way).sum(axis=(1, 2)), expected, rtol=1e-6, atol=1e-9)


def test_parts_of_a_linear_number_add_up_to_it():
    for target in (score_of(), score_of(2), score_of(None, PART, negative=True)):
        parts = target.starts({"y": Y})["y"]
        np.testing.assert_allclose(parts.sum(axis=(1, 2)), target.score({"y": Y}), rtol=1e-12)


@pytest.mark.parametrize("activation", ["none", "exp", "sigmoid"])
def test_multipliers_between_two_inputs_are_complete(activation):
    target = score_of(1, Reading((Piece("y"),), activation=activation))
    other = np.random.default_rng(2).normal(size=Y.shape)
    found = target.secants({"y": Y}, {"y": other})["y"]
    change = target.score({"y": Y}) - target.score({"y": other})
    assert target.is_linear == (activation == "none")
    np.testing.assert_allclose((found * (Y - other)).sum(axis=(1, 2)), change, rtol=1e-12)


def test_what_is_no_number_is_refused():
    with pytest.raises(NumericalError, match="'y' holds 60 NaN"):
        score_of().score({"y": np.full_like(Y, np.nan)})


def test_words_and_records():
    target = ValueScore("age (0)", "0", WHOLE, 0, negative=True, quantity="years")
    assert target.describe() == "lower age (0), years"
    assert (target.stem, target.unit, target.is_probability) == ("lower-0", "years", False)
    again = target_from(target.to_dict())
    assert again.to_dict() == target.to_dict()
    assert (again.describe(), again.stem, again.unit) == (
        "lower age (0), years",
        "lower-0",
        "years",
    )
    assert again.tensors == target.tensors == ("y",)
