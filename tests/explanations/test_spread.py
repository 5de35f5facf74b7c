"""Where a map lies that is not spread over the whole picture."""

import numpy as np
import pytest

from onnxplain.explanations.display import upsample
from onnxplain.explanations.spread import NOTE, Spread

LOWER = Spread((8.0, 0.0, 16.0, 24.0), (8.0, 0.0, 16.0, 24.0), (16, 24))


def test_a_map_of_the_lower_half_lies_there():
    large = upsample(np.array([[1.0, 1.0], [1.0, 1.0]]), (16, 24), LOWER)
    assert np.array_equal(large, np.repeat([0.0, 1.0], 8)[:, None] * np.ones(24))


def test_cells_keep_their_values_at_their_middle():
    values = np.arange(12.0).reshape(2, 6)
    large = upsample(values, (12, 18), LOWER)
    # Cells are 3 x 3 pixels of this picture, and begin at row 6.
    assert np.allclose(large[7::3, 1::3], values)


def test_a_map_beyond_the_picture_is_cut():
    padded = Spread((-4.0, 0.0, 20.0, 24.0), (0.0, 0.0, 16.0, 24.0), (16, 24))
    large = upsample(np.arange(6.0)[:, None] * np.ones((6, 6)), (16, 24), padded)
    assert np.allclose((large[1] + large[2]) / 2, 1.0)
    assert np.allclose((large[13] + large[14]) / 2, 4.0)


def test_a_map_on_all_of_the_picture_is_the_usual_one():
    values = np.random.default_rng(0).normal(size=(4, 6))
    whole = Spread((0.0, 0.0, 16.0, 24.0), (0.0, 0.0, 16.0, 24.0), (16, 24))
    assert np.allclose(upsample(values, (32, 48), whole), upsample(values, (32, 48)))


def test_a_record_gives_it_back():
    assert Spread.of_notes({NOTE: LOWER.to_dict()}) == LOWER
    assert Spread.of_notes({}) is None


@pytest.mark.parametrize(
    "told",
    [
        [1, 2],
        {"cells": [0, 0, 1, 1]},
        {**LOWER.to_dict(), "cells": [8.0, 0.0, 8.0, 24.0]},
        {**LOWER.to_dict(), "seen": [0.0, 0.0, float("nan"), 1.0]},
        {**LOWER.to_dict(), "picture": [0, 24]},
        {**LOWER.to_dict(), "picture": ["16", 24]},
        {**LOWER.to_dict(), "cells": [True, 0.0, 8.0, 24.0]},
    ],
)
def test_nonsense_in_a_saved_record_is_passed_over(told):
    assert Spread.of_notes({NOTE: told}) is None
