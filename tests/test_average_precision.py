"""Mean average precision against cases that are counted by hand."""

import numpy as np
import pytest

from models.build.average_precision import average_precision, mean_average_precision, overlaps

SQUARE = [0, 0, 10, 10]
# Overlaps the square by 80 / 120, 50 / 150 and not at all.
NEAR, HALF, FAR = [2, 0, 12, 10], [5, 0, 15, 10], [40, 40, 50, 50]


def rows(*boxes):
    return np.array([[*sides, score, label] for sides, score, label in boxes]).reshape(-1, 6)


def truth(*boxes):
    return np.array([[*sides, label] for sides, label in boxes], np.int64).reshape(-1, 5)


def test_overlaps():
    found = overlaps(np.array([SQUARE, NEAR, HALF, FAR]), np.array(SQUARE, float))
    np.testing.assert_allclose(found, [1, 80 / 120, 50 / 150, 0])


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (rows((NEAR, 0.9, 0), (FAR, 0.8, 0)), 1.0),
        (rows((NEAR, 0.9, 0)), 0.5),
        (rows((HALF, 0.9, 0), (FAR, 0.8, 0)), 0.5 * 1 / 2),
        # The second box of one object is wrong.
        (rows((SQUARE, 0.9, 0), (NEAR, 0.8, 0), (FAR, 0.7, 0)), 0.5 + 0.5 * 2 / 3),
        (rows((SQUARE, 0.9, 1), (FAR, 0.8, 1)), 0.0),
        (rows(), 0.0),
    ],
)
def test_two_objects_of_one_class(found, expected):
    objects = truth((SQUARE, 0), (FAR, 0))
    assert average_precision([found], [objects], 0) == pytest.approx(expected)


def test_precision_is_made_monotone():
    # Wrong, right, right: precisions 0, 1/2, 2/3; made monotone, 2/3 for both objects.
    found = rows((HALF, 0.9, 0), (SQUARE, 0.8, 0), (FAR, 0.7, 0))
    assert average_precision([found], [truth((SQUARE, 0), (FAR, 0))], 0) == pytest.approx(2 / 3)


def test_a_box_is_right_only_in_its_own_picture():
    found = [rows((FAR, 0.9, 0)), rows((SQUARE, 0.8, 0))]
    truths = [truth((SQUARE, 0)), truth((SQUARE, 0))]
    assert average_precision(found, truths, 0) == pytest.approx(0.5 * 1 / 2)


def test_mean_over_classes():
    found = [rows((SQUARE, 0.9, 0), (FAR, 0.9, 0))]
    mean, each = mean_average_precision(found, [truth((SQUARE, 0), (FAR, 1))], 2)
    assert each.tolist() == [1.0, 0.0]
    assert mean == 0.5
