"""Choices of regions: their law, their order, and the pictures made of them."""

import itertools

import numpy as np
import pytest
from handmade import context_of, model, target_of

from onnxplain.perturb.coalitions import every, independent, score_coalitions, shapley_pairs


def test_every_choice_comes_once_in_binary_order():
    wanted = [tuple(reversed(bits)) for bits in itertools.product([False, True], repeat=3)]
    assert [tuple(row) for row in every(3).tolist()] == wanted


def test_independent_choices_keep_half_of_the_regions():
    kept = independent(np.random.default_rng(0), 4000, 5)
    assert kept.shape == (4000, 5)
    # Five standard deviations of a mean of 4000 fair coins.
    assert np.abs(kept.mean(0) - 0.5).max() < 5 * 0.5 / np.sqrt(4000)


def test_shapley_choices_come_in_complements_with_the_sizes_of_the_kernel():
    regions, count = 5, 8000
    kept = shapley_pairs(np.random.default_rng(0), count, regions)
    np.testing.assert_array_equal(kept[1::2], ~kept[::2])
    weights = np.array([1 / (s * (regions - s)) for s in range(1, regions)])
    wanted = weights / weights.sum()
    sizes = np.bincount(kept[::2].sum(1), minlength=regions + 1)
    assert sizes[0] == sizes[regions] == 0
    spread = np.sqrt(wanted * (1 - wanted) / (count // 2))
    assert (np.abs(sizes[1:-1] / (count // 2) - wanted) < 5 * spread).all()


@pytest.mark.parametrize("last", [False, True])
def test_scores_are_those_of_pictures_put_together_by_hand(last, rng):
    image = "float[N,6,6,3] image" if last else "float[N,3,6,6] image"
    w = rng.integers(-3, 4, (108, 2)).astype(np.float64)
    context = context_of(
        model("f = Flatten(image) scores = MatMul(f, w)", image=image, w=w),
    )
    shape = (6, 6, 3) if last else (3, 6, 6)
    x, absent = (rng.integers(-4, 5, shape).astype(np.float64) for _ in range(2))
    labels = np.repeat([0, 1, 2], 12).reshape(6, 6)
    kept = every(3)
    found = score_coalitions(context, target_of(context, 1), x, absent, labels, kept)
    wanted = []
    for choice in kept:
        here = choice[labels][..., None] if last else choice[labels][None]
        wanted.append(np.where(here, x, absent).reshape(-1) @ w[:, 1])
    np.testing.assert_array_equal(found, wanted)
