"""Sanity checks on trained networks, with a method that must fail and one that must not."""

from pathlib import Path

import numpy as np
import pytest

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.evaluate.sanity import (
    SanityCheck,
    other_class_correlation,
    randomisation_check,
    verdict,
)

PICTURES = sorted(Path("examples/fashion").glob("*.png"))


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/fashion-cnn.onnx")


@pytest.fixture(scope="module")
def picture(model):
    return model.read(PICTURES[0])


@pytest.fixture(scope="module")
def target(model, picture):
    return model.target(None, model.predict(picture), picture=picture)


def test_every_method_agrees_with_itself_and_not_with_random_layers(model, picture, target):
    found = randomisation_check(model, picture, "gradient", target, steps=3)
    assert found.order == "cascading"
    assert len(found.spearman) == len(found.ssim) == len(found.layers)
    assert np.all(np.abs(found.spearman) < 0.95)


def test_guided_backprop_keeps_its_map_without_the_classifier_and_the_gradient_does_not(model):
    left = {"guided-backprop": [], "gradient": []}
    for path in PICTURES[:4]:
        picture = model.read(path)
        target = int(model.predict(picture).probabilities.argmax())
        for name, found in left.items():
            found.append(randomisation_check(model, picture, name, target, steps=20).left)
    assert np.mean(left["guided-backprop"]) > 0.75
    assert np.mean(left["gradient"]) < 0.45


def test_a_seed_repeats_itself(model, picture, target):
    runs = [
        randomisation_check(model, picture, "saliency", target, steps=2, seed=s).spearman
        for s in (0, 0, 1)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_independent_layers_are_lost_one_at_a_time(model, picture, target):
    found = randomisation_check(model, picture, "gradient", target, order="independent", steps=2)
    assert found.left == found.spearman.max()
    whole = randomisation_check(model, picture, "gradient", target, steps=2)
    assert found.layers == whole.layers
    assert found.spearman[0] != whole.spearman[1]


def test_another_class_has_another_map_unless_the_method_never_asks(model, picture, target):
    assert other_class_correlation(model, picture, "gradient", target) < 0.8
    assert other_class_correlation(model, picture, "eigen-cam", target) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("left", "word"), [(0.95, "fails"), (-0.9, "fails"), (0.6, "doubtful"), (0.1, "passes")]
)
def test_verdicts(left, word):
    check = SanityCheck("m", "cascading", ("t",), np.ones(1), np.array([left]), np.array([0.0]))
    assert check.verdict.startswith(f"{word}: ")
    assert verdict(left, "x").startswith(word)


def test_impossible_orders_are_refused(model, picture, target):
    for changes in ({"order": "upwards"}, {"steps": 0}):
        with pytest.raises(UsageError, match="must be cascading or independent"):
            randomisation_check(model, picture, "gradient", target, **changes)


def test_a_map_that_never_asks_survives_any_randomisation(model, picture, target, monkeypatch):
    """The control of the check: the same map, whatever was lost, must fail it."""
    from onnxplain.model.model import Model

    kept = model.explain(picture, "gradient", target)
    monkeypatch.setattr(Model, "explain", lambda self, *a, **k: kept)
    found = randomisation_check(model, picture, "gradient", target, steps=2)
    np.testing.assert_allclose(found.spearman, 1.0)
    np.testing.assert_allclose(found.ssim, 1.0)
    assert found.verdict.startswith("fails")
