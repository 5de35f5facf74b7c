"""Likeness of maps: closed forms and their ends."""

import numpy as np
import pytest
import scipy

from onnxplain.errors import UsageError
from onnxplain.evaluate.similarity import cosine, mean_ranks, spearman, ssim, top_overlap

RNG = np.random.default_rng(7)
A = RNG.random((20, 15))
B = RNG.random((20, 15))


@pytest.mark.parametrize("measure", [spearman, cosine, ssim, top_overlap])
def test_a_map_is_like_itself_and_the_measure_is_symmetric(measure):
    assert measure(A, A) == pytest.approx(1.0)
    assert measure(A, B) == pytest.approx(measure(B, A))
    assert measure(A, B) < 0.9


@pytest.mark.parametrize("measure", [spearman, ssim, top_overlap])
def test_a_rescaled_map_is_the_same_map(measure):
    assert measure(A, 5 * A + 2) == pytest.approx(1.0)


def test_rank_correlation_sees_only_the_order():
    assert spearman(A, np.exp(9 * A)) == pytest.approx(1.0)
    assert spearman(A, -A) == pytest.approx(-1.0)
    assert spearman(A, np.ones_like(A)) == 0.0


TIED = np.round(3 * RNG.standard_normal((20, 15)))


@pytest.mark.parametrize("values", [A, TIED, np.array([[0.0, -0.0, np.inf, -np.inf]])])
def test_ranks_are_those_of_scipy(values):
    np.testing.assert_array_equal(mean_ranks(values), scipy.stats.rankdata(values, axis=None))


@pytest.mark.parametrize("other", [B, TIED, np.where(A > 0.5, A, np.nan)])
def test_rank_correlation_is_that_of_scipy(other):
    expected = scipy.stats.spearmanr(A, other, axis=None).statistic
    assert spearman(A, other) == pytest.approx(expected, abs=1e-14, nan_ok=True)


def test_cosine_by_hand():
    assert cosine(np.array([[3.0, 0.0]]), np.array([[1.0, 1.0]])) == pytest.approx(np.sqrt(0.5))
    assert cosine(A, np.zeros_like(A)) == 0.0


def test_overlap_by_hand():
    first, second = np.zeros((4, 5)), np.zeros((4, 5))
    first[0, :4] = 1.0
    second[0, 2:] = second[1, 0] = 1.0
    assert top_overlap(first, second, 0.2) == 0.5


def test_unrelated_maps_come_out_at_chance():
    pairs = np.random.default_rng(0).random((200, 2, 20, 15))
    assert np.mean([top_overlap(a, b) for a, b in pairs]) == pytest.approx(0.1, abs=0.02)
    assert abs(np.mean([spearman(a, b) for a, b in pairs])) < 0.02
    assert abs(np.mean([ssim(a, b) for a, b in pairs])) < 0.05


def test_other_sizes_are_refused():
    with pytest.raises(UsageError, match="cannot be compared"):
        cosine(A, A[:-1])
    with pytest.raises(UsageError, match="7 x 7"):
        ssim(A[:5], A[:5])
