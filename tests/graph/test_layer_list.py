"""The list of layers, where they come from, and the early one."""

import nets
import pytest
from deep_networks import deep, network, opened

from onnxplain.graph.depth import Depths
from onnxplain.graph.layer_list import early_layer, list_layers
from onnxplain.graph.layers import dominators
from onnxplain.network.chosen_layer import about_layers


@pytest.mark.parametrize("name", ["resnet", "vit", "windows", "branches", "tensorflow"])
def test_the_list_is_complete_and_in_order(name):
    net = network(name)
    listed = list_layers(*about_layers(net))
    names = [found.layer.name for found in listed]
    order = list(net.graph.tensor_names())
    assert names == sorted(names, key=order.index)
    assert {c.name for c in net.layers} <= set(names)
    assert net.head.logits not in names
    passed = set(dominators(net.graph, net.image.name, net.head.logits))
    assert {f.layer.name for f in listed if f.passed} == passed & set(names)
    depths = [found.depth for found in listed]
    assert all(0 < depth <= 1 for depth in depths)


def test_sources_are_the_modules_of_the_network():
    listed = {f.layer.name: f.source for f in list_layers(*about_layers(network("resnet")))}
    modules = {name.replace(".", "/") for name, _ in nets.network("resnet").named_modules()}
    written = [s for s in listed.values() if s]
    assert written
    assert all(any(s.endswith(m.split("/")[-1]) for m in modules if m) for s in written)


def test_an_early_layer_is_the_end_of_the_first_stage():
    net = network("resnet")  # stem of stride 4, a block of stride 4, a block of stride 8
    early = net.layer("early")
    assert early.grid == (8, 8)
    assert "/layer1/relu2" in early.name
    assert early_layer(*about_layers(net)) == early


def test_an_early_layer_of_one_long_stage_is_within_its_first_third():
    net = opened(*deep(lost=False))
    depths = Depths(net.graph, net.shapes, net.image.name, net.head.logits)
    assert depths.share(net.layer("early").name) <= 1 / 3
