"""Average drop and increase in confidence against loops over the pixels of a linear model."""

from dataclasses import replace

import numpy as np
import pytest
from evaluate.linear import CLASSES, SIDE, case, linear_model, picture, probabilities
from small_models import model_of

import onnxplain
from onnxplain.errors import NumericalError, UsageError
from onnxplain.evaluate.kept_evidence import average_drop, increase, kept
from onnxplain.evaluate.measures import find_measure
from onnxplain.evaluate.run import require_measurable
from onnxplain.evaluate.settings import Settings

NAMES = ("average-drop", "increase-in-confidence")


def by_hand(heatmap, seen, index):
    """Chattopadhay et al. 2018, for one picture: Y, and O of the map times it."""
    largest = max(max(row) for row in heatmap)
    image = seen.x[0].astype(float)
    shown = np.zeros_like(image)
    for row in range(SIDE):
        for column in range(SIDE):
            share = max(heatmap[row, column], 0) / largest
            for channel in range(3):
                shown[channel, row, column] = share * image[channel, row, column]
    shown = shown[None].astype(np.float32)
    return probabilities(seen.x)[0, index], probabilities(shown)[0, index]


def likely(seed):
    """Class that the picture makes more probable than an empty one does."""
    found = probabilities(picture(seed).x)[0]
    return int(found.argmax())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("power", [1, 3])
def test_against_the_papers_formula(seed, power):
    index = likely(seed)
    made = case(index, "probability", seed)
    made = replace(made, heatmap=np.sign(made.heatmap) * np.abs(made.heatmap) ** power)
    whole, left = by_hand(made.heatmap, made.picture, index)
    assert average_drop(made) == pytest.approx(max(0, whole - left) / whole, abs=1e-9)
    assert increase(made) == float(whole < left)


def test_both_ends_are_met():
    """Evidence for the class alone raises its probability; evidence against it leaves little."""
    made = case(likely(0), "probability")
    assert (average_drop(made), increase(made)) == (0.0, 1.0)
    opposite = replace(made, heatmap=-made.heatmap)
    assert average_drop(opposite) > 0.3
    assert increase(opposite) == 0.0


def test_a_flat_map_keeps_everything_and_an_empty_one_nothing():
    made = case(likely(0), "probability", heatmap=np.full((SIDE, SIDE), 5.0))
    assert (average_drop(made), increase(made)) == (0.0, 0.0)
    whole = probabilities(made.picture.x)[0, likely(0)]
    empty = replace(made, heatmap=np.full((SIDE, SIDE), -1.0))
    assert average_drop(empty) == pytest.approx((whole - 1 / CLASSES) / whole, rel=1e-9)


def test_the_fill_stands_for_what_is_absent_and_channels_may_be_last():
    rng = np.random.default_rng(0)
    x, absent, heatmap = rng.random((1, 3, 4, 5)), rng.random((1, 3, 4, 5)), rng.random((4, 5))
    heatmap[2, 3] = 1.0
    first = kept(x, absent, heatmap, 1)
    np.testing.assert_allclose(first, absent * (1 - heatmap) + x * heatmap, rtol=1e-12)
    last = kept(np.moveaxis(x, 1, 3), np.moveaxis(absent, 1, 3), heatmap, 3)
    np.testing.assert_array_equal(np.moveaxis(last, 3, 1), first)
    made = case(likely(0), "probability", settings=Settings(deleted="0.1"))
    grey = probabilities(np.full((1, 3, SIDE, SIDE), np.float32(0.1)))[0, likely(0)]
    nothing = replace(made, heatmap=-np.ones((SIDE, SIDE)))
    whole = probabilities(made.picture.x)[0, likely(0)]
    assert grey < whole
    assert average_drop(nothing) == pytest.approx(1 - grey / whole, rel=1e-9)


@pytest.mark.parametrize("measure", [average_drop, increase])
def test_where_the_figures_mean_nothing_they_are_left_out(measure):
    with pytest.raises(NumericalError, match=r"share of a probability.*unit 'logit'"):
        measure(case())
    least = int(probabilities(picture().x)[0].argmin())
    with pytest.raises(NumericalError, match=r"the emptied picture has the probability 0\.25"):
        measure(case(least, "probability"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"task": "values"}, "needs probabilities, and the model answers values"),
        ({"task": "classes", "scores": "raw"}, "gives raw scores; .*--scores"),
    ],
)
def test_other_scores_are_refused_before_anything_is_computed(name, given, said):
    model = onnxplain.load(
        model_of("f = Flatten(x) y = MatMul(f, w)"), preprocess="zero-one", **given
    )
    with pytest.raises(UsageError, match=said) as refused:
        require_measurable([find_measure(name)], [], model)
    assert "\n" not in str(refused.value)
    require_measurable([find_measure(name)], [], linear_model())
