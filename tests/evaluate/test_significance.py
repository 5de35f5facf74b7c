"""Tests of pictures against enumerations of all signs, and corrections against their definition."""

import itertools

import numpy as np
import pytest
import scipy

from onnxplain.evaluate.significance import holm, rank_among, share_interval, signed_rank


def signed_rank_by_enumeration(differences):
    """Share of all signs whose positive ranks add up to at least as much."""
    found = [d for d in differences if d]
    ranks = [
        sum(abs(other) < abs(d) for other in found)
        + (1 + sum(abs(other) == abs(d) for other in found)) / 2
        for d in found
    ]
    seen = sum(r for r, d in zip(ranks, found, strict=True) if d > 0)
    sums = [
        sum(r for r, sign in zip(ranks, signs, strict=True) if sign)
        for signs in itertools.product((False, True), repeat=len(found))
    ]
    return sum(s >= seen for s in sums) / len(sums)


@pytest.mark.parametrize("seed", range(12))
def test_signed_ranks_by_enumeration(seed):
    rng = np.random.default_rng(seed)
    # Few values, so that some are equal and some are zero.
    differences = rng.integers(-3, 5, rng.integers(1, 11)) / 4
    wanted = signed_rank_by_enumeration(differences.tolist()) if differences.any() else 1.0
    assert signed_rank(differences) == pytest.approx(wanted, abs=1e-12)


def test_signed_ranks_without_ties_as_in_scipy():
    differences = np.random.default_rng(4).normal(0.3, 1, 18)
    wanted = scipy.stats.wilcoxon(differences, alternative="greater", method="exact").pvalue
    assert signed_rank(differences) == pytest.approx(wanted, rel=1e-9)


def test_signs_by_chance_are_small_as_often_as_the_level_says():
    rng = np.random.default_rng(5)
    small = np.mean([signed_rank(rng.normal(size=12)) <= 0.05 for _ in range(2000)])
    assert 0.035 < small <= 0.06


def test_no_difference_says_nothing():
    assert signed_rank([0.0, 0.0]) == 1.0
    assert signed_rank([]) == 1.0


def test_rank_among_controls_by_enumeration():
    """Whichever of five exchangeable numbers is the map's, its chance is its rank."""
    numbers = [0.1, 0.4, 0.2, 0.9, 0.3]
    found = sorted(
        rank_among(n, [m for k, m in enumerate(numbers) if k != j]) for j, n in enumerate(numbers)
    )
    assert found == pytest.approx([1 / 5, 2 / 5, 3 / 5, 4 / 5, 1])
    assert rank_among(1.0, [1.0, 1.0]) == 1.0  # as high counts against the map
    assert rank_among(1.0, []) == 1.0


def step_down(chances, level):
    """Holm's procedure as it is written: reject from the smallest on, until one is too large."""
    rejected = set()
    for place, k in enumerate(sorted(range(len(chances)), key=lambda k: chances[k])):
        if chances[k] > level / (len(chances) - place):
            break
        rejected.add(k)
    return rejected


@pytest.mark.parametrize("seed", range(5))
def test_holm_rejects_what_the_procedure_rejects(seed):
    chances = np.random.default_rng(seed).beta(0.3, 2, 8).tolist()
    adjusted = holm(chances)
    for level in (0.01, 0.05, 0.2, 0.5):
        assert {k for k, p in enumerate(adjusted) if p <= level} == step_down(chances, level)
    assert holm([]) == []


def test_the_interval_of_a_share_has_the_tails_it_says():
    low, high = share_interval(3, 40)
    assert scipy.stats.binom.sf(2, 40, low) == pytest.approx(0.025, rel=1e-6)
    assert scipy.stats.binom.cdf(3, 40, high) == pytest.approx(0.025, rel=1e-6)
    assert share_interval(0, 10)[0] == 0.0
