"""What relevance starts with: the score, or the score less the mean of all others."""

import numpy as np
import pytest
from handmade import context_of, model, target_of

from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.methods.relevance_start import seeded

SCORES = np.array([[1.0, 6.0, 3.0, -1.0], [0.0, 2.0, 4.0, 8.0]])


@pytest.fixture(scope="module")
def context():
    return context_of(model("f = Flatten(image) scores = MatMul(f, w)", w=np.ones((108, 4))))


def test_the_score_itself(context):
    target = target_of(context, 1)
    assert seeded(target, "score") is target


def test_a_class_less_the_mean_of_the_others(context):
    found = seeded(target_of(context, 1), "others")
    assert found.others
    assert seeded(found, "others") == found
    np.testing.assert_array_equal(found.select(SCORES), [6 - 1, 2 - 4])
    slopes = found.coefficients(SCORES)
    np.testing.assert_allclose(slopes, [[-1 / 3, 1, -1 / 3, -1 / 3]] * 2)
    np.testing.assert_allclose((slopes * SCORES).sum(1), found.select(SCORES))


@pytest.mark.parametrize("more", [{"contrast": 0}, {"margin": True}, {"negative": True}])
def test_what_is_a_difference_already_is_refused(context, more):
    with pytest.raises(MethodRefusedError, match="start=others needs one plain class"):
        seeded(target_of(context, 1, **more), "others")


def test_an_unknown_start(context):
    with pytest.raises(UnknownNameError, match="start 'other'; nearest: 'others'"):
        seeded(target_of(context, 1), "other")
