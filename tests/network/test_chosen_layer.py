"""What a person may call a layer, and what is said of one that was not named."""

import pytest
from deep_networks import DEEP, deep, network, opened

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.graph.layer_list import usable_layers
from onnxplain.network.chosen_layer import about_layers, layer_tensor, layer_warnings


def test_reading_elsewhere_than_chosen_is_said():
    net = opened(*deep(lost=False))
    (said,) = layer_warnings(net, None, "f")
    assert f"zero at every place of the target layer 'r{DEEP - 1}'" in said
    assert f"'f' instead, which lies at {1 / (DEEP + 2):.0%}" in said
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
