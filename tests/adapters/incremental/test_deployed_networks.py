"""Sections of networks that people deploy: every cell of the last feature map."""

from pathlib import Path

import nets
import numpy as np
import onnx
import pytest
import seeded
import torch
import torchvision
from adapters.incremental.compare import Case, require_same, windows_of
from handmade import context_of

from onnxplain.graph.prepare import prepare
from onnxplain.graph.sections import Sections
from onnxplain.network.network import Network

pytestmark = pytest.mark.slow

MODELS = Path(__file__).parents[3] / "models"
SIDE = 96
EXACT = 1e-5
# The share of their nodes that is local.
NETWORKS = {
    "resnet18": 0.9, "mobilenet_v2": 0.9, "densenet121": 0.9, "squeezenet1_1": 0.9,
    "googlenet": 0.9, "convnext_tiny": 0.9, "shufflenet_v2_x0_5": 0.9, "mnasnet0_5": 0.9,
}  # fmt: skip


def last_maps(network):
    """Tensors of the last cut, and the share of the nodes in front of it."""
    found = Sections(network.graph, network.shapes, network.image, [network.head.logits])
    return list(found.cuts[-1].tensors), found.cuts[-1].position / len(found.nodes)


def windows(side):
    return windows_of((side, side), (side // 7, side // 9), (side // 3, side // 3))


@pytest.mark.parametrize("name", NETWORKS)
def test_torchvision(name):
    settings = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    net = seeded.made(lambda: torchvision.models.get_model(name, weights=None, **settings))
    net = nets.trained_like(net, torch.randn(4, 3, SIDE, SIDE, dtype=torch.float64))
    proto = nets.export(net, torch.randn(1, 3, SIDE, SIDE), folded=True)
    names, share = last_maps(Network(prepare(proto), device="cpu"))
    assert share > NETWORKS[name]
    case = Case(proto, names, windows=windows(SIDE))
    for plan in case.plans(0, 2):
        assert case.difference(plan) < EXACT


def test_the_shipped_network():
    proto = onnx.load(MODELS / "efficientnet-lite0.onnx")
    names, share = last_maps(Network(prepare(proto), device="cpu"))
    assert share > 0.9
    case = Case(proto, names, windows=windows(224))
    for plan in case.plans(0, 1):
        assert case.difference(plan) < EXACT


def test_the_shipped_quantised_network_bit_for_bit():
    proto = onnx.load(MODELS / "efficientnet-lite0-int8.onnx")
    network = Network(prepare(proto), device="cpu", threads=1)
    x = np.random.default_rng(0).uniform(-1, 1, network.image.shape[1:]).astype(np.float32)
    record = require_same(context_of(proto, threads=1), x, windows(224), tolerance=0)
    assert record["sections"]
