"""ROAD against a slow transcription: sort, solve densely, add the same noise, score, average."""

from dataclasses import replace

import numpy as np
import pytest
from evaluate.linear import SIDE, case, evidence, picture, probabilities
from imputed_densely import by_hand

from onnxplain.errors import NumericalError
from onnxplain.evaluate.road import SHARES, least_relevant_first, most_relevant_first, road_curve

#: Classes whose probability falls when the picture is imputed at random, and those it raises.
FALLING, RISING = (0, 1), (2, 3)


def transcribed(made, heatmap, index):
    """Rong et al. 2022: scores at each share, the largest values removed first."""
    noise = np.random.default_rng([0, int(made.picture.sha256[:8], 16), 2]).normal(
        size=made.picture.x.shape
    )
    order = sorted(range(SIDE**2), key=lambda k: (-heatmap.flat[k], k))
    found = [probabilities(made.picture.x)[0, index]]
    for tenth in range(1, 10):
        removed = np.zeros(SIDE**2, bool)
        removed[order[: round(tenth / 10 * SIDE**2)]] = True
        removed = removed.reshape(SIDE, SIDE)
        filled = by_hand(np.moveaxis(made.picture.x[0], 0, 2), removed)
        filled = np.moveaxis(filled, 2, 0)
        filled[:, removed] += 0.01 * noise[0][:, removed]
        found.append(probabilities(filled[None].astype(np.float32))[0, index])
    return np.array(found)


@pytest.mark.parametrize("index", FALLING)
@pytest.mark.parametrize(
    ("measure", "sign"), [(most_relevant_first, 1), (least_relevant_first, -1)]
)
def test_against_the_transcription(measure, sign, index):
    made = case(index, "probability")
    curve = measure(made)
    wanted = transcribed(made, sign * made.heatmap, index)
    np.testing.assert_allclose(curve.shares, np.arange(10) / 10, atol=1e-12)
    # An input that rounds the other way to float32 moves a score by less than this.
    np.testing.assert_allclose(curve.scores, wanted, atol=2e-6)
    assert curve.value == pytest.approx(wanted[1:].mean(), abs=2e-6)


def test_true_evidence_is_better_than_its_opposite_and_than_chance():
    index = int(probabilities(picture().x)[0].argmax())
    made = case(index, "probability")
    opposite = replace(made, heatmap=-evidence(index, made.picture))
    chance = np.mean([
        most_relevant_first(
            replace(made, heatmap=np.random.default_rng(s).random((SIDE, SIDE)))
        ).value
        for s in range(10)
    ])  # fmt: skip
    assert most_relevant_first(made).value < chance < most_relevant_first(opposite).value
    assert least_relevant_first(made).value > least_relevant_first(opposite).value


def test_batches_and_the_place_of_the_channels_change_nothing():
    rng = np.random.default_rng(2)
    x, heatmap, weights = rng.random((1, 3, 6, 5)), rng.random((6, 5)), rng.random((3, 6, 5))

    def score(batch):
        return np.tensordot(batch, weights, 3)

    found = [
        road_curve(score, x, heatmap, 1, np.random.default_rng(0), noise=0.0, batch_size=size)
        for size in (1, 4, 100)
    ]
    last = road_curve(
        lambda batch: score(np.moveaxis(batch, 3, 1)),
        np.moveaxis(x, 1, 3), heatmap, 3, np.random.default_rng(0), noise=0.0,
    )  # fmt: skip
    for curve in (*found[1:], last):
        np.testing.assert_allclose(curve.scores, found[0].scores, rtol=1e-12)
    assert len(found[0].scores) == len(SHARES) + 1


def test_noise_is_on_imputed_pixels_only():
    given = []

    def score(batch):
        given.extend(batch)
        return np.zeros(len(batch))

    x, heatmap = np.full((1, 3, 10, 10), 0.5), np.arange(100.0).reshape(10, 10)
    road_curve(score, x, heatmap, 1, np.random.default_rng(0), noise=0.1)
    for tenth, seen in enumerate(given):
        changed = (seen != 0.5).any(axis=0)
        np.testing.assert_array_equal(changed, heatmap >= 100 - 10 * tenth)
    assert np.std(given[-1][:, changed]) == pytest.approx(0.1, rel=0.15)


@pytest.mark.parametrize("measure", [most_relevant_first, least_relevant_first])
@pytest.mark.parametrize("index", RISING)
def test_a_score_that_does_not_fall_says_nothing(measure, index):
    for heatmap in (evidence(index, picture()), np.ones((SIDE, SIDE))):
        with pytest.raises(NumericalError, match="nine of ten pixels imputed at random"):
            measure(case(index, "probability", heatmap=heatmap))
