"""Single deletion against loops, and where the right order of the patches is known."""

from dataclasses import replace

import numpy as np
import pytest
from evaluate.linear import SIDE, case, evidence, probabilities

from onnxplain.errors import NumericalError
from onnxplain.evaluate.settings import Settings
from onnxplain.evaluate.single_deletion import (
    patches,
    single_deletion,
    single_deletion_correlation,
)

RNG = np.random.default_rng(6)
X, BASELINE = RNG.normal(size=(2, 1, 3, 19, 21))
HEATMAP = RNG.normal(size=(19, 21))
WEIGHTS = RNG.normal(size=(3, 19, 21))


def curved(batch):
    return np.tanh(np.tensordot(batch, WEIGHTS, 3) / 20) + (batch**2).mean(axis=(1, 2, 3))


def ranks(values):
    """Rank of each value, ties sharing the mean of theirs, by counting."""
    return [
        sum(other < value for other in values) + sum(other == value for other in values) / 2
        for value in values
    ]


def by_hand(score, x, baseline, heatmap, boxes):
    """Alvarez-Melis, Jaakkola 2018: correlate attributions with drops, one removal at a time."""
    whole, given, drops = score(x)[0], [], []
    for top, bottom, left, right in boxes:
        without = x.copy()
        cells = [heatmap[r, c] for r in range(top, bottom) for c in range(left, right)]
        for row in range(top, bottom):
            for column in range(left, right):
                without[0, :, row, column] = baseline[0, :, row, column]
        given.append(sum(cells) / len(cells))
        drops.append(whole - score(without)[0])
    return np.corrcoef(ranks(given), ranks(drops))[0, 1]


def edges(length, count=8):
    """First pixel of each patch, and the end: pixel p is in patch p * count // length."""
    return [next(p for p in range(length) if p * count // length == k) for k in range(count)] + [
        length
    ]


def test_against_the_papers_formula_with_patches_of_several_sizes():
    down, across = edges(19), edges(21)
    boxes = [(down[r], down[r + 1], across[c], across[c + 1]) for r in range(8) for c in range(8)]
    assert len({(b - a, d - c) for a, b, c, d in boxes}) > 2
    wanted = by_hand(curved, X, BASELINE, HEATMAP, boxes)
    assert 0.02 < abs(wanted) < 0.98
    found = single_deletion_correlation(curved, X, BASELINE, HEATMAP, 1)
    assert found == pytest.approx(wanted, abs=1e-12)
    for size in (1, 7, 100):
        again = single_deletion_correlation(curved, X, BASELINE, HEATMAP, 1, batch_size=size)
        assert again == pytest.approx(wanted, abs=1e-12)
    last = single_deletion_correlation(
        lambda b: curved(np.moveaxis(b, 3, 1)),
        np.moveaxis(X, 1, 3), np.moveaxis(BASELINE, 1, 3), HEATMAP, 3,
    )  # fmt: skip
    assert last == pytest.approx(wanted, abs=1e-12)


def test_patches_cover_the_picture_once():
    number = patches(5, 20)
    assert number.shape == (5, 20)
    assert sorted(set(number.ravel())) == list(range(5 * 8))
    assert (np.diff(number, axis=0) >= 0).all()
    assert (np.diff(number, axis=1) >= 0).all()
    assert set(np.bincount(number.ravel())) == {2, 3}


@pytest.mark.parametrize("index", range(4))
def test_exact_evidence_has_one_its_opposite_minus_one(index):
    made = case(index)
    assert single_deletion(made) == pytest.approx(1, abs=1e-12)
    assert single_deletion(replace(made, heatmap=-made.heatmap)) == pytest.approx(-1, abs=1e-12)
    # The score of the target is read, a probability too.
    probable = case(index, "probability")
    whole = probabilities(probable.picture.x)[0, index]
    drops = []
    for pixel in range(SIDE**2):
        x = probable.picture.x.copy()
        x.reshape(1, 3, -1)[..., pixel] = 0
        drops.append(whole - probabilities(x)[0, index])
    exact = np.corrcoef(ranks(list(probable.heatmap.ravel())), ranks(drops))[0, 1]
    assert single_deletion(probable) == pytest.approx(exact, abs=1e-9)


def test_what_is_removed_is_what_the_settings_say():
    white = case(0, settings=Settings(deleted="white"))
    assert single_deletion(white) < 0.9


def test_chance_is_zero_and_so_is_a_flat_map():
    found = [
        single_deletion(case(heatmap=np.random.default_rng(s).random((SIDE, SIDE))))
        for s in range(40)
    ]
    assert abs(np.mean(found)) < 0.06  # 40 correlations of 64 values: three errors of 0.02
    assert single_deletion(case(heatmap=np.full((SIDE, SIDE), 0.1))) == 0
    assert abs(single_deletion(replace(case(0), heatmap=evidence(1, case().picture)))) < 0.9


def test_a_flat_map_is_flat_in_patches_of_several_sizes():
    assert single_deletion_correlation(curved, X, BASELINE, np.full((19, 21), 0.1), 1) == 0


@pytest.mark.parametrize("size", [0.0, 1e-8])
def test_where_no_patch_does_anything_there_is_no_order(size):
    def saturated(batch):
        return 1.0 - size * np.abs(batch).mean(axis=(1, 2, 3))

    with pytest.raises(NumericalError, match="no single one of 64 patches"):
        single_deletion_correlation(saturated, X, BASELINE, HEATMAP, 1)
