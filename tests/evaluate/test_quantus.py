"""The same maps, pictures and random networks give the numbers that Quantus gives.

Its numbers are stored; ``tests/oracles/make_quantus.py`` makes them.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from oracles.quantus_inputs import (
    BASELINE,
    PIXELS,
    RADIUS,
    ROAD_SHARES,
    TOP,
    flower,
    maps,
    neighbours,
    noise,
    pictures,
    plane,
    removed,
)
from originals import exactly

import onnxplain
from onnxplain.evaluate import localisation
from onnxplain.evaluate.faithfulness import completeness_gap
from onnxplain.evaluate.parsimony import entropy, gini
from onnxplain.evaluate.relative_stability import Neighbour, input_stability, output_stability
from onnxplain.evaluate.removal import Exchange
from onnxplain.evaluate.road import road_curve
from onnxplain.evaluate.robustness import max_sensitivity
from onnxplain.evaluate.sanity import randomisation_check
from onnxplain.evaluate.single_deletion import single_deletion_correlation
from onnxplain.perturb.impute import impute
from tests.engines import gradients

STORED = json.loads((Path(__file__).parents[1] / "oracles/quantus.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def model():
    return exactly(onnxplain.load("models/digits-gap.onnx", precision="double"))


@pytest.fixture(scope="module")
def seen(model):
    return [model.read(p) for p in pictures()[..., None]]


class Draws:
    """Stands for a random generator, and hands out what Quantus was given."""

    def __init__(self):
        self.left = iter(noise((8, 8)))

    def uniform(self, low, high, shape):
        return next(self.left)


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("pointing-game", lambda h, m: localisation.pointing_game(h, m, tolerance=0)),
        ("rank-accuracy", localisation.rank_accuracy),
        ("energy-in-mask", localisation.energy_in_mask),
        ("top-k", lambda h, m: localisation.top_share(h, m, TOP)),
        ("roc-auc", localisation.roc_auc),
    ],
)
def test_localisation(name, measure):
    ours = [measure(h, m) for h, m in zip(*maps(), strict=True)]
    np.testing.assert_allclose(ours, STORED["located"][name], rtol=1e-12)


def test_deletion_is_pixel_flipping(model, seen):
    for picture, heat, flips, label in zip(
        seen, maps()[0], STORED["deletion"], STORED["classes"], strict=False
    ):
        curve = Exchange(
            lambda x, label=label: _probabilities(model, x)[:, label],
            picture.x,
            np.full_like(picture.x, BASELINE),
            heat,
            1,
            step=PIXELS,
        ).curve()
        np.testing.assert_allclose(curve.scores[1:], flips, atol=1e-9)


def test_completeness():
    x, weights, attributions = plane()
    score = float(x[0].ravel() @ weights[1])
    complete = [completeness_gap(a, score, 0.0) == 0 for a in attributions]
    assert complete == STORED["completeness"]


def test_max_sensitivity(model, seen):
    wanted = model.target(STORED["classes"][0], model.predict(seen[0]))

    def explain(x):
        return gradients(model.network.torch, x, wanted, ["image"]).gradients["image"]

    ours = max_sensitivity(explain, seen[0].x, Draws(), radius=RADIUS, samples=5)
    assert ours == pytest.approx(STORED["max-sensitivity"][0], rel=1e-9)


@pytest.mark.parametrize(
    ("order", "theirs"), [("cascading", "top_down"), ("independent", "independent")]
)
def test_randomisation(model, seen, order, theirs):
    stored = {k: v for k, v in STORED["randomisation"][theirs].items() if k != "original"}
    last_first = sorted(stored, key=int, reverse=True)
    for k, (picture, label) in enumerate(zip(seen, STORED["classes"], strict=True)):
        target = model.target(label, model.predict(picture), kind="logit")
        found = randomisation_check(model, picture, "gradient", target, order=order, steps=4)
        np.testing.assert_allclose(found.spearman, [stored[n][k] for n in last_first], atol=1e-9)


def test_parsimony():
    heatmaps = maps()[0]
    # Quantus adds 1e-12 to each share in the logarithm, which takes so much from the entropy.
    less = 1e-12 * heatmaps[0].size
    found = [entropy(h) - less for h in heatmaps]
    np.testing.assert_allclose(found, STORED["parsimony"]["complexity"], rtol=1e-13)
    found = [gini(h) for h in heatmaps]
    np.testing.assert_allclose(found, STORED["parsimony"]["sparseness"], rtol=1e-12)


def test_imputed_pixels():
    gone = removed((32, 32))
    filled = impute(flower(), gone)[gone][::16].ravel()
    np.testing.assert_allclose(filled, STORED["road"]["imputed"], atol=1e-12)


def test_road(model, seen):
    """Without noise, the same digits are still recognised after each share of the pixels."""
    tenths = [round(10 * share) for share in ROAD_SHARES]
    recognised = [
        road_curve(
            lambda x, label=label: _logits(model, x).argmax(axis=1) == label,
            picture.x.astype(np.float64), heat, 1, np.random.default_rng(0), noise=0.0,
        ).scores[tenths]
        for picture, heat, label in zip(seen, maps()[0], STORED["classes"], strict=False)
    ]  # fmt: skip
    np.testing.assert_array_equal(np.mean(recognised, axis=0), STORED["road"]["recognised"])


def test_single_deletion(model, seen):
    ours = [
        single_deletion_correlation(
            # One by one: an input that is the same again has the same score to the last bit.
            lambda x, label=label: np.array([_logits(model, one[None])[0, label] for one in x]),
            picture.x, np.full_like(picture.x, BASELINE), heat, 1,
        )
        for picture, heat, label in zip(seen, maps()[0], STORED["classes"], strict=False)
    ]  # fmt: skip
    np.testing.assert_allclose(ours, STORED["single-deletion"], atol=1e-9)


@pytest.mark.parametrize(
    ("name", "measure"), [("input", input_stability), ("output", output_stability)]
)
def test_relative_stability(model, seen, name, measure):
    def around(x, target):
        found = gradients(model.network.torch, x, target, ["image"]).gradients["image"]
        return Neighbour(x[0], found[0, 0], _logits(model, x)[0])

    ours = []
    for picture, label in zip(seen, STORED["classes"], strict=True):
        target, x = model.target(label, model.predict(picture)), picture.x.astype(np.float64)
        ours.append(measure(around(x, target), [around(v, target) for v in neighbours(x)]))
    np.testing.assert_allclose(ours, STORED["relative-stability"][name], rtol=1e-9)


def _logits(model, x):
    return model.network.torch.forward(x)


def _probabilities(model, x):
    logits = _logits(model, x)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
