"""What a graph's own normalisation says about the preprocessing."""

import numpy as np
import pytest

from onnxplain.inputs.guess import contradiction, guess_preprocess, plausible
from onnxplain.inputs.preprocess import PRESETS, preset
from tests.graph.made_normalisation import GREY, MEAN, STD, channels, normalising


@pytest.mark.parametrize(
    ("graph_and_image", "guess", "reason"),
    [
        (normalising([("Div", np.float32(255))]), "raw", "normalises its input itself"),
        (normalising([("Sub", GREY), ("Div", GREY)]), "raw", "'ready'"),
        (
            normalising([("Sub", channels(MEAN)), ("Div", channels(STD))]),
            "zero-one",
            "normalises its input itself",
        ),
        (normalising([], dtype=np.uint8), "raw", "uint8"),
        (normalising([], channels=1), "zero-one", "grey"),
        (normalising([], layout="NHWC"), "minus-one-one", "channels come last"),
        (normalising([]), "imagenet-torch", "channels come first"),
    ],
    ids=["by 255", "to -1..1", "mean and std", "uint8", "grey", "NHWC", "NCHW"],
)
def test_guess(graph_and_image, guess, reason):
    graph, image = graph_and_image
    recipe, why = guess_preprocess(graph, image)
    assert recipe.name == guess
    assert reason in why
    assert recipe.shape[1:] == image.shape[1:]
    assert (recipe.layout, recipe.dtype) == (image.layout, image.dtype)


@pytest.mark.parametrize(
    ("steps", "fits"),
    [
        ([("Div", np.float32(255))], {"raw", "keras-caffe"}),
        ([("Sub", GREY), ("Div", GREY)], {"raw", "keras-caffe"}),
        (
            [("Sub", channels(MEAN)), ("Div", channels(STD))],
            {"zero-one", "minus-one-one", "imagenet-torch", "keras-torch", "keras-tf", "clip"},
        ),
        ([], set(PRESETS)),
    ],
    ids=["by 255", "to -1..1", "mean and std", "nothing"],
)
def test_a_contradiction_is_said_for_the_other_scale_only(steps, fits):
    # Only the width of the range is judged, so a shifted 0..255 fits where 0..255 does.
    graph, image = normalising(steps)
    said = {}
    for name in PRESETS:
        recipe = preset(name, image.layout, image.size)
        said[name] = contradiction(graph, image, recipe)
    assert {name for name, text in said.items() if not text} == fits
    assert all(repr(name) in text for name, text in said.items() if text)


def test_a_contradiction_names_ranges_and_the_tensor():
    graph, image = normalising([("Div", np.float32(255))])
    text = contradiction(graph, image, preset("zero-one", "NCHW", image.size))
    assert "0..1" in text
    assert "'ready'" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("steps", "options", "names"),
    [
        ([], {}, ["imagenet-torch", "zero-one", "minus-one-one", "raw"]),
        ([], {"layout": "NHWC"}, ["minus-one-one", "keras-tf", "raw", "zero-one", "keras-caffe"]),
        ([], {"dtype": np.uint8}, ["raw", "raw-bgr"]),
        ([("Div", np.float32(255))], {}, ["raw", "raw-bgr", "keras-caffe"]),
        ([], {"channels": 1}, ["zero-one", "minus-one-one", "raw", "keras-tf"]),
    ],
    ids=["NCHW", "NHWC", "uint8", "by 255", "grey"],
)
def test_plausible_presets_begin_with_the_guess(steps, options, names):
    graph, image = normalising(steps, **options)
    found = plausible(graph, image)
    assert [recipe.name for recipe, _ in found][: len(names)] == names
    assert (len(found) == len(names)) == (bool(steps) or bool({"dtype", "channels"} & set(options)))
    assert found[0][0] == guess_preprocess(graph, image)[0]
    assert all(why and recipe.shape[1:] == image.shape[1:] for recipe, why in found)
