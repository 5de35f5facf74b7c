"""The facts of layers that `inspect` prints and writes."""

import pytest
from deep_networks import DEEP, deep, network, opened

from onnxplain.graph.layer_list import list_layers
from onnxplain.model.layer_facts import layer_facts
from onnxplain.network.chosen_layer import about_layers


@pytest.mark.parametrize("name", ["resnet", "vit", "windows"])
def test_facts_name_the_chosen_and_the_early_layer_among_the_usable_ones(name):
    net = network(name)
    found = layer_facts(net)
    assert found["chosen"] == net.layer(None).name
    assert found["early"] == net.layer("early").name
    assert [la["name"] for la in found["usable"]] == [
        listed.layer.name for listed in list_layers(*about_layers(net))
    ]
    assert {found["chosen"], found["early"]} <= {la["name"] for la in found["usable"]}
    for la in found["usable"]:
        layer = net.layer(la["index"])
        assert (layer.name, layer.channels, [*layer.grid]) == (
            la["name"], la["channels"], la["grid"],
        )  # fmt: skip


def test_facts_of_an_early_choice_hold_the_warning():
    net = opened(*deep(lost=True))
    found = layer_facts(net)
    assert found["warning"] == net.layer_choice.warning
    assert f"{DEEP} of {DEEP + 1} layers" in found["warning"]


def test_facts_of_a_network_without_places():
    found = layer_facts(network("mlp"))
    assert (found["chosen"], found["early"], found["usable"]) == (None, None, [])
    assert found["reason"] == "no spatial layer lies on every path to the output"
