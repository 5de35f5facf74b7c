"""What a person may call a layer, and what is said of one that was not named."""

import functools
from dataclasses import replace

import pytest
from deep_networks import DEEP, deep, network, opened

import onnxplain
from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.graph.layer_list import usable_layers
from onnxplain.network.chosen_layer import (
    about_layers,
    layer_tensor,
    layer_warnings,
    layers_of,
    scales_before,
)


def test_reading_elsewhere_than_chosen_is_said():
    net = opened(*deep(lost=False))
    (said,) = layer_warnings(net, None, "f")
    assert f"zero at every place of the target layer 'r{DEEP - 1}'" in said
    assert f"'f' instead, at {1 / (DEEP + 2):.0%}" in said
    assert layer_warnings(net, None, f"r{DEEP - 1}") == ()


def test_numbers_count_the_list_from_both_ends():
    net = network("resnet")
    listed = [c.name for c in usable_layers(*about_layers(net))]
    for asked, name in ((0, listed[0]), ("-1", listed[-1]), (-2, listed[-2]), ("3", listed[3])):
        assert net.layer(asked).name == name
    for asked in (len(listed), -len(listed) - 1):
        with pytest.raises(UsageError, match=f"allowed: -{len(listed)} to {len(listed) - 1}"):
            net.layer(asked)
    with pytest.raises(UnknownNameError):
        net.layer("1.5")


@pytest.mark.parametrize("name", ["last", "early", "0", "-2"])
def test_a_tensor_of_that_name_comes_first(name):
    nodes, constants = deep(lost=False, first=name)
    net = opened(nodes, constants)
    assert net.layer(name).name == layer_tensor(net, name) == name
    assert net.layer(None).name == f"r{DEEP - 1}"


def test_last_is_the_chosen_layer():
    net = network("vit")
    assert net.layer("last") == net.layer(None)
    assert layer_tensor(net, "last") is layer_tensor(net, None) is None


@functools.cache
def detector(stem):
    return onnxplain.load(f"models/{stem}.onnx", device="cpu")


@pytest.mark.parametrize("stem", ["scenes-detector", "scenes-detector-int8", "scenes-detector-nms"])
def test_maps_of_a_box_are_read_where_its_number_starts_without_a_warning(stem):
    model, scene = detector(stem), "examples/scenes/scene-1000000.png"
    ends = {"class": "kinds.1/kinds.1.0/kinds.1.0.2/Mul", "width": "up16/leave/leave.2/Mul"}
    for part, end in ends.items():
        request = replace(model.request("3"), part=part)
        found = model.explain(scene, "grad-cam", request)
        assert f"/detector/{end}_output_0" in found.layer
        assert not [text for text in found.warnings if "layer" in text]
        (aim,) = model.resolve(model.read(scene), [request])
        elsewhere = "/detector/down32/down32.1/leave/leave.2/Mul_output_0"
        assert elsewhere not in [layer.name for layer in layers_of(model.network, aim)]
        assert layer_warnings(model.network, None, found.layer, aim) == ()


def test_scales_are_the_last_layers_of_every_other_grid_the_deepest_first():
    network = detector("scenes-detector").network
    last = network.layer("/detector/kinds.1/kinds.1.0/kinds.1.0.2/Mul_output_0")
    found = [(layer.name.split("/")[2], layer.grid) for layer in scales_before(network, last)]
    assert found == [
        ("down32", (3, 3)), ("down8", (12, 12)), ("stem", (24, 24)), ("stem", (48, 48))
    ]  # fmt: skip
