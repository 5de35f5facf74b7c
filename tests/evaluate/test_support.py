"""Maps that fade alike are not alike: where ranks of local maps are compared."""

from dataclasses import replace

import numpy as np
import pytest

import onnxplain
from models.build.scenes import SIDE
from onnxplain.evaluate.randomise import RandomisedModels
from onnxplain.evaluate.sanity import SanityCheck, randomisation_check
from onnxplain.evaluate.similarity import spearman
from onnxplain.evaluate.support import common_support, is_local
from onnxplain.targets.classes import ClassScore

RNG = np.random.default_rng(0)
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def noise():
    return np.abs(RNG.normal(size=(2, SIDE, SIDE)))


def left(first, second):
    where = common_support(first, second)
    return spearman(first[where], second[where])


def test_support_holds_most_of_either_map():
    first, second = np.zeros((2, 4, 5))
    first[0] = [50, 30, 12, 4, 4]
    second[3, 2] = -1.0
    expected = np.zeros((4, 5), bool)
    expected[0, :4] = expected[3, 2] = True
    np.testing.assert_array_equal(common_support(first, second), expected)
    assert not common_support(np.zeros((2, 2)), np.zeros((2, 2))).any()


@pytest.mark.parametrize("fading", ["window", "slope"])
def test_unrelated_maps_that_fade_alike_are_not_alike(fading):
    """Zero beyond a window, as beyond a receptive field, or ever smaller, as within one."""
    away = np.hypot(ROWS - 40, COLUMNS - 50)
    seen = (away < 16) * 1.0 if fading == "window" else np.exp(-((away / 17) ** 2)) + 1e-4
    first, second = noise() * seen
    assert spearman(first, second) > 0.8
    assert abs(left(first, second)) < 0.5
    # What is left of a map that does not change is all of it.
    assert left(first, 3 * first) == pytest.approx(1.0)
    assert left(first, first * np.exp(0.1 * RNG.normal(size=first.shape))) > 0.9


def test_unrelated_maps_of_the_whole_picture_stay_near_zero():
    assert abs(left(*noise())) < 0.2


@pytest.fixture(scope="module")
def scenes():
    model = onnxplain.load("models/scenes-detector.onnx", device="cpu")
    return model, model.read("examples/scenes/scene-1000003.png")


def test_boxes_and_places_are_local(scenes):
    model, picture = scenes
    for by_match in (True, False):
        (aim,) = model.resolve(picture, ["1"], by_match=by_match)
        assert is_local(aim)
    (element,) = model.resolve(picture, ["output0[4, 7]"])
    assert is_local(element)
    of_all = ClassScore(0, "logit", "scores", "none", 3)
    assert not is_local(of_all)
    assert is_local(replace(of_all, position=(2, 3)))


def test_the_gradient_of_a_box_does_not_fail_for_fading_with_the_distance(scenes):
    """Guided backpropagation, which hardly asks for the weights behind it, still does."""
    model, picture = scenes
    lost = RandomisedModels(model, steps=20)
    found = {
        name: randomisation_check(model, picture, name, "3", lost=lost)
        for name in ("gradient", "guided-backprop", "hirescam")
    }
    assert found["gradient"].left < 0.8 < found["guided-backprop"].left
    assert found["guided-backprop"].verdict.startswith("fails")
    assert not found["gradient"].verdict.startswith("fails")
    assert found["hirescam"].places == 1
    assert found["hirescam"].verdict.startswith("cannot tell")


def test_the_verdict_of_one_place_is_none():
    one, two = (
        SanityCheck("m", "cascading", ("a",), np.ones(1), np.ones(1), np.ones(1), places)
        for places in (1, 2)
    )
    assert one.verdict.startswith("cannot tell")
    assert two.verdict.startswith("fails")
