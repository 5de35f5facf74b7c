"""Choices that lie early: a later layer, or a word about it."""

import graphs
import pytest
from deep_networks import DEEP, deep, network, opened
from onnx.helper import make_node as node

from onnxplain.network.chosen_layer import layer_warnings


@pytest.mark.parametrize("name", ["vgg", "resnet", "mobilenet", "squeeze", "windows", "branches"])
def test_a_last_stage_is_chosen_without_a_warning(name):
    choice = network(name).layer_choice
    assert choice.warning == ""
    assert choice.reason == "the last spatial layer that all evidence passes through"


def test_a_class_token_is_the_reason_for_the_last_attention():
    choice = network("vit").layer_choice
    assert choice.warning == ""
    assert choice.reason.startswith("the input of the last attention")


def test_a_choice_where_places_are_lost_is_said_to_lie_early():
    net = opened(*deep(lost=True))
    assert net.layer(None).name == "f"
    warning = net.layer_choice.warning
    assert f"'f' is at {1 / (DEEP + 3):.0%} of the network's depth" in warning
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
    assert "other paths from 'f' to the scores bypass it" in net.layer_choice.warning
    assert "50% of the last layers" in net.layer_choice.reason
