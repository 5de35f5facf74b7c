"""What the network learned, read at a layer of integers: beside the float file it was made of."""

from dataclasses import replace

import numpy as np
import pytest
from onnxruntime.quantization import QuantFormat, QuantType
from quantised_twins import DIGIT, GAP, RECIPE, opened, static

import onnxplain
from onnxplain.features.activations import activations
from onnxplain.features.atlas import activation_atlas
from onnxplain.features.collect import collect
from onnxplain.features.dream import mean_square
from onnxplain.features.maps import feature_maps
from onnxplain.features.patches import project_units
from onnxplain.features.responses import feature_layers
from onnxplain.features.top_patches import top_patches
from onnxplain.graph.quantised import scale_and_zero
from onnxplain.inputs.dataset import read_dataset

FLOAT = "/6/Relu_output_0"


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """Of signed integers, so that zero is -128, with the step of the layer."""
    path = tmp_path_factory.mktemp("twin") / "model.onnx"
    static(path, QuantFormat.QOperator, activation_type=QuantType.QInt8)
    model = onnxplain.load(path, preprocess=RECIPE)
    name = model.network.layer(None).name
    assert model.network.graph.producers[name].op_type == "QLinearConv"
    scale, zero = scale_and_zero(model.network.graph, name)
    assert zero == -128
    return model, name, scale


@pytest.fixture(scope="module")
def samples():
    return read_dataset("examples/digits")


def test_maps(twin):
    model, name, step = twin
    wanted, found = feature_maps(opened(GAP), DIGIT, FLOAT), feature_maps(model, DIGIT, name)
    assert found.values.dtype == np.float32
    assert np.abs(found.values - wanted.values).max() < 2 * step < np.ptp(wanted.values) / 4
    assert found.channels[:5] == wanted.channels[:5]


def test_strongest_images(twin, samples):
    model, name, step = twin
    wanted = top_patches(opened(GAP), samples, FLOAT, count=3).units
    found = top_patches(model, samples, name, count=3).units
    assert np.abs(found.scores - wanted.scores).max() < 2 * step < np.ptp(wanted.scores) / 4
    assert (found.images == wanted.images).mean() > 0.9


def test_responses(twin, samples):
    """Shares of the squares over all layers: a zero point would give every unit its share."""
    model, _, _ = twin
    source = opened(GAP)
    convolutions = [n.output for n in model.network.graph.nodes if n.op_type == "QLinearConv"]
    behind = ["/1/Relu_output_0", "/3/Relu_output_0", FLOAT]
    labelled = [replace(s, label=s.name[0]) for s in samples]
    wanted = collect(source, labelled, feature_layers(source, behind)).responses
    found = collect(model, labelled, feature_layers(model, convolutions)).responses
    assert np.abs(found - wanted).max() < 0.05 < wanted.max() / 4


def test_an_atlas_holds_the_numbers(twin, samples):
    model, name, step = twin
    wanted, found = (
        activation_atlas(m, samples, layer, per_image=2)
        for m, layer in ((opened(GAP), FLOAT), (model, name))
    )
    np.testing.assert_array_equal(found.places, wanted.places)
    assert np.abs(found.vectors - wanted.vectors).max() < 2 * step


def test_a_unit_is_projected_back_in_its_own_unit(twin):
    model, name, _ = twin
    x, place = model.read(DIGIT).x, np.array([[1, 2]])
    found, wanted = (
        project_units(m, x, m.network.layer(layer), 5, place, "gradient")
        for m, layer in ((model, name), (opened(GAP), FLOAT))
    )
    assert np.abs(wanted).max() > 0
    assert np.abs(found - wanted).max() < 0.15 * np.abs(wanted).max()


def test_what_a_dream_climbs(twin):
    model, name, _ = twin
    x = model.read(DIGIT).x
    (value, slope), (wanted, wanted_slope) = (
        mean_square(m, x, feature_layers(m, [layer])[0], 5)
        for m, layer in ((model, name), (opened(GAP), FLOAT))
    )
    assert value == pytest.approx(wanted, rel=0.05)
    assert np.abs(slope - wanted_slope).max() < 0.15 * np.abs(wanted_slope).max()


def test_tensors_of_floats_are_handed_on_bit_for_bit():
    model = opened(GAP)
    x = model.read(DIGIT).x
    found = activations(model, x, [FLOAT, "image"])
    np.testing.assert_array_equal(found[FLOAT], model.network.ort.activations(x, [FLOAT])[FLOAT])
    np.testing.assert_array_equal(found["image"], x)
