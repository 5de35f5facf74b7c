"""Depth, choices that lie early, and the list of layers, against slower definitions."""

import graphs
import nets
import numpy as np
import pytest
from graphs import build, value_info
from onnx.helper import make_node as node

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.graph.depth import Depths
from onnxplain.graph.layer_list import early_layer, list_layers, usable_layers
from onnxplain.graph.layers import dominators
from onnxplain.graph.prepare import prepare
from onnxplain.graph.receptive_field import field_sizes, receptive_fields
from onnxplain.network.chosen_layer import about_layers, layer_tensor, layer_warnings
from onnxplain.network.network import Network

IMAGE = [value_info("image", ["N", 3, 8, 8])]
DEEP = 6


def network(name):
    return Network(prepare(nets.exported(name).proto))


def opened(nodes, constants, outputs=4):
    proto = build(nodes, [value_info("scores", ["N", outputs])], constants, inputs=IMAGE)
    return Network(prepare(proto))


def deep(lost, first="f"):
    """One convolution, something that may lose places, six more, and a linear head."""
    constants = {"k": graphs.weights(6, 3, 3, 3), "w": graphs.weights(6, 4)}
    nodes = [node("Conv", ["image", "k"], ["c"], pads=[1] * 4), node("Relu", ["c"], [first])]
    source = first
    if lost:
        # Every number of the next maps is made of all places.
        constants |= {"mix": graphs.weights(384, 384), "shape": np.array([-1, 6, 8, 8])}
        nodes += [
            node("Flatten", [first], ["flat"]),
            node("MatMul", ["flat", "mix"], ["mixed"]),
            node("Reshape", ["mixed", "shape"], ["again"]),
        ]
        source = "again"
    for k in range(DEEP):
        constants[f"k{k}"] = graphs.weights(6, 6, 3, 3)
        nodes += [
            node("Conv", [source, f"k{k}"], [f"c{k}"], pads=[1] * 4),
            node("Relu", [f"c{k}"], [f"r{k}"]),
        ]
        source = f"r{k}"
    nodes += [
        node("GlobalAveragePool", [source], ["p"]),
        node("Flatten", ["p"], ["e"]),
        node("MatMul", ["e", "w"], ["scores"]),
    ]
    return nodes, constants


def slow_before(graph, tensor):
    """Weighted layers that a tensor is computed by, by walking back."""
    seen, waiting, count = set(), [tensor], 0
    while waiting:
        name = waiting.pop()
        item = graph.producers.get(name)
        if item is None or item.index in seen:
            continue
        seen.add(item.index)
        fixed = [i for i in item.inputs[:2] if graph.is_constant(i)]
        count += item.op_type in ("Conv", "Gemm") or (item.op_type == "MatMul" and bool(fixed))
        waiting += item.inputs
    return count


@pytest.mark.parametrize("name", nets.NETS)
def test_depth_counts_the_layers_with_weights(name):
    net = network(name)
    depths = Depths(net.graph, net.shapes, net.image.name, net.head.logits)
    every = slow_before(net.graph, net.head.logits)
    assert every > 1
    between = net.graph.descendants([net.image.name]) & net.graph.ancestors(net.head.logits)
    for tensor in between:
        assert depths.before(tensor) == slow_before(net.graph, tensor), tensor
        assert depths.share(tensor) == depths.before(tensor) / every


@pytest.mark.parametrize("name", ["vgg", "resnet", "mobilenet", "squeeze", "windows", "branches"])
def test_a_last_stage_is_chosen_without_a_warning(name):
    choice = network(name).layer_choice
    assert choice.warning == ""
    assert choice.reason == "the last layer with places in the picture that all evidence passes"


def test_a_class_token_is_the_reason_for_the_last_attention():
    choice = network("vit").layer_choice
    assert choice.warning == ""
    assert choice.reason.startswith("the input of the last attention")


def test_a_choice_where_places_are_lost_is_said_to_lie_early():
    net = opened(*deep(lost=True))
    assert net.layer(None).name == "f"
    warning = net.layer_choice.warning
    assert f"'f' lies at {1 / (DEEP + 3):.0%} of the network's depth" in warning
    assert f"{DEEP} of {DEEP + 1} layers" in warning  # the linear head scores
    assert "`inspect --layers`" in warning
    assert layer_warnings(net, None) == layer_warnings(net, "last") == (warning,)
    assert layer_warnings(net, "f") == layer_warnings(net, 0) == ()


def test_the_same_network_with_its_places_is_read_at_the_end():
    net = opened(*deep(lost=False))
    assert net.layer(None).name == f"r{DEEP - 1}"
    assert net.layer_choice.warning == ""


def test_a_way_from_an_early_stage_to_the_scores_does_not_make_the_choice_early():
    nodes, constants = deep(lost=False)
    nodes = [n for n in nodes if n.output[0] not in ("p", "e", "scores")]
    constants |= {"early": graphs.weights(4, 6, 1, 1), "late": graphs.weights(4, 6, 1, 1)}
    nodes += [
        node("Conv", ["f", "early"], ["one"]),
        node("Conv", [f"r{DEEP - 1}", "late"], ["other"]),
        node("Add", ["one", "other"], ["both"]),
        node("GlobalAveragePool", ["both"], ["p"]),
        node("Flatten", ["p"], ["scores"]),
    ]
    net = opened(nodes, constants)
    # All evidence passes the sum of both: it is the last one.
    assert net.layer(None).name == "both"
    nodes[-2:] = [
        node("GlobalAveragePool", ["one"], ["p1"]),
        node("GlobalAveragePool", ["other"], ["p2"]),
        node("Add", ["p1", "p2"], ["p"]),
        node("Flatten", ["p"], ["scores"]),
    ]
    del nodes[-5]
    net = opened(nodes, constants)
    assert net.layer(None).name == f"r{DEEP - 1}"
    assert "other ways from 'f' to the scores lead past it" in net.layer_choice.warning
    assert "50% of the last layers" in net.layer_choice.reason


def test_reading_elsewhere_than_chosen_is_said():
    net = opened(*deep(lost=False))
    (said,) = layer_warnings(net, None, "f")
    assert f"zero at every place of the target layer 'r{DEEP - 1}'" in said
    assert f"'f' instead, which lies at {1 / (DEEP + 2):.0%}" in said
    assert layer_warnings(net, None, f"r{DEEP - 1}") == ()


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


@pytest.mark.parametrize("name", ["vgg", "resnet", "mobilenet", "branches", "tensorflow"])
def test_fields_in_one_pass_are_those_of_each_tensor(name):
    net = network(name)
    about = net.graph, net.shapes, net.axes, net.image
    sizes = field_sizes(*about)
    for layer in usable_layers(*about_layers(net)):
        each = receptive_fields(*about, layer.name, through_mixing=False)
        assert sizes[layer.name] == each.size, layer.name


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
