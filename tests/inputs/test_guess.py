"""What the graph does to its input itself, and what that says about the preprocessing."""

import graphs
import numpy as np
import pytest
from onnx.helper import make_node as node

from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.normalisation import find_normalisation
from onnxplain.graph.prepare import prepare
from onnxplain.inputs.guess import contradiction, guess_preprocess, plausible
from onnxplain.inputs.preprocess import PRESETS, preset

MEAN = np.array([0.5, 0.4, 0.3], np.float32)
STD = np.array([0.25, 0.2, 0.5], np.float32)
GREY = np.full(1, 127.5, np.float32)


def channels(values, layout="NCHW"):
    return values.reshape(-1, 1, 1) if layout == "NCHW" else values


def normalising(steps, layout="NCHW", **options):
    """Classifier whose first nodes are `steps`: (operator, constant) pairs."""
    nodes, constants, tensor = [], {}, "image"
    for k, (operator, value) in enumerate(steps):
        output = "ready" if k == len(steps) - 1 else f"n{k}"
        constants[f"k{k}"] = value
        nodes.append(node(operator, [tensor, f"k{k}"], [output], name=f"step{k}"))
        tensor = output
    graph = prepare(graphs.classifier(layout=layout, before=nodes, constants=constants, **options))
    return graph, find_image_input(graph)


@pytest.mark.parametrize(
    ("steps", "scale", "shift"),
    [
        ([("Div", np.float32(255))], 1 / 255, 0),
        ([("Mul", np.float32(2))], 2, 0),
        ([("Sub", GREY), ("Div", GREY)], 1 / 127.5, -1),
        ([("Mul", np.float32(2)), ("Add", np.float32(-1))], 2, -1),
        ([("Sub", channels(MEAN)), ("Div", channels(STD))], 1 / STD, -MEAN / STD),
    ],
)
def test_additions_and_multiplications_are_one_affine_map(steps, scale, shift):
    found = find_normalisation(*normalising(steps))
    np.testing.assert_allclose(found.scale, np.broadcast_to(scale, found.scale.shape), rtol=1e-6)
    np.testing.assert_allclose(found.shift, np.broadcast_to(shift, found.shift.shape), rtol=1e-6)
    assert [n.op_type for n in found.nodes] == [s[0] for s in steps]


def test_channels_last():
    found = find_normalisation(*normalising([("Sub", MEAN), ("Div", STD)], layout="NHWC"))
    np.testing.assert_allclose(found.shift, -MEAN / STD, rtol=1e-6)


def test_batch_normalisation():
    constants = {
        "g": np.array([1, 2, 3], np.float32),
        "b": np.array([0.1, 0.2, 0.3], np.float32),
        "m": MEAN,
        "v": STD,
    }
    nodes = [node("BatchNormalization", ["image", "g", "b", "m", "v"], ["ready"], epsilon=0.01)]
    graph = prepare(graphs.classifier(before=nodes, constants=constants))
    found = find_normalisation(graph, find_image_input(graph))
    factor = constants["g"] / np.sqrt(STD + 0.01)
    np.testing.assert_allclose(found.scale, factor, rtol=1e-6)
    np.testing.assert_allclose(found.shift, constants["b"] - MEAN * factor, rtol=1e-6)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_none_where_a_convolution_comes_first(layout):
    graph = prepare(graphs.classifier(layout=layout))
    assert find_normalisation(graph, find_image_input(graph)) is None


def test_a_division_of_a_constant_is_no_normalisation():
    nodes = [node("Div", ["one", "image"], ["ready"])]
    graph = prepare(graphs.classifier(before=nodes, constants={"one": np.float32(1)}))
    assert find_normalisation(graph, find_image_input(graph)) is None


def test_a_picture_of_weights_is_no_normalisation():
    value = np.ones((3, graphs.SIDE, graphs.SIDE), np.float32)
    assert find_normalisation(*normalising([("Mul", value)])) is None


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
