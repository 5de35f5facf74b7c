"""How far values that reach a network are from a custom, against logarithms by hand."""

import math

import numpy as np
import pytest

from onnxplain.graph.normalisation import InnerNormalisation, find_normalisation
from onnxplain.graph.pixels import Limits, Pixels
from onnxplain.inputs.fit import WORST, against, misfit
from onnxplain.inputs.preprocess import preset
from tests.graph.made_normalisation import GREY, channels, normalising

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
STEPS = {
    "by 255": [("Div", np.float32(255))],
    "to -1..1": [("Sub", GREY), ("Div", GREY)],
    "photos": [("Sub", channels(MEAN)), ("Div", channels(STD))],
}


def inner(steps):
    return find_normalisation(*normalising(STEPS[steps]))


def recipe(name):
    return preset(name, "NCHW", (12, 12))


def limited(kind, low=-np.inf, high=np.inf, factor=1.0):
    """A graph that limits its input, and does nothing else."""
    limit = Limits(kind, factor * np.eye(3), np.zeros(3), "t", low, high)
    return InnerNormalisation(Pixels(np.eye(3), np.zeros(3), tuple("NCHW"), limits=(limit,)))


@pytest.mark.parametrize(
    ("steps", "name", "wanted"),
    [
        ("by 255", "raw", 0.0),
        # A scale alone: the deviation is 255 times that of 0..1.
        ("by 255", "zero-one", math.log(255)),
        # Values of -1..1 have the deviation of the second custom, which is twice that of 0..1.
        ("by 255", "minus-one-one", math.log(255 / 2)),
        ("to -1..1", "raw", 0.0),
        ("by 255", "raw-bgr", 0.5),
    ],
)
def test_distance_from_the_nearest_custom(steps, name, wanted):
    assert misfit(inner(steps), recipe(name)) == pytest.approx(wanted, abs=1e-6)


def test_the_declared_preprocessing_fits_best():
    names = ["zero-one", "raw", "minus-one-one", "imagenet-torch"]
    found = {name: misfit(inner("photos"), recipe(name)) for name in names}
    assert min(found, key=found.get) == "zero-one"
    assert found["raw"] > WORST
    assert against(inner("photos"), recipe("zero-one")) == ""
    assert "normalises its input itself (at tensor 'ready')" in against(
        inner("photos"), recipe("raw")
    )


def test_means_tell_the_order_of_channels():
    turned, right = (misfit(inner("photos"), recipe(n)) for n in ("zero-one-bgr", "zero-one"))
    assert turned - right == pytest.approx(1, abs=1e-9)
    assert "channels as RGB" in against(inner("photos"), recipe("zero-one-bgr"))


@pytest.mark.parametrize("kind", ["clipped", "quantised"])
def test_a_range_is_compared_with_that_of_the_pictures(kind):
    made = limited(kind, 0, 1)
    assert misfit(made, recipe("zero-one")) == pytest.approx(0, abs=1e-12)
    # 0..255 is 255 times as wide; its middle is 127 from 0.5, of a range of 255.
    assert misfit(made, recipe("raw")) == pytest.approx(math.log(255) + 127 / 255, abs=1e-9)
    assert against(made, recipe("zero-one")) == ""
    what = {"clipped": "limits its input", "quantised": "was quantised for values"}[kind]
    assert against(made, recipe("raw")) == f"the graph {what} to 0..1 (at 't')"
    # Half of -1..1 is cut off.
    assert what in against(made, recipe("minus-one-one"))


def test_a_limit_on_one_side_says_nothing_of_the_scale():
    made = limited("clipped", low=0)
    assert misfit(made, recipe("raw")) == misfit(made, recipe("zero-one")) == 0


def test_what_training_measured_has_mean_zero_and_deviation_one():
    # Pictures of -1..1 have mean -0.1 and deviation 0.5; a factor of two makes that -0.2 and 1.
    made = limited("whitened", factor=2.0)
    assert misfit(made, recipe("minus-one-one")) == pytest.approx(0.2, abs=1e-9)
    assert against(made, recipe("minus-one-one")) == ""
    assert "(at tensor 't')" in against(made, recipe("raw"))
