"""The chosen layer beside the one that experts name, told by values; the full table is
docs/layers.md, which ``python -m benchmarks.layers`` writes."""

import nets
import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.conversion import forms
from benchmarks.layers.networks import made
from benchmarks.layers.places import LATER, SAID, SAME, STAGE, WRONG, Row, alike, hooked, judge
from onnxplain.graph.layer_choice import LayerChoice
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network

# Expert's module of the small networks of `architectures`.
SMALL = {
    "vgg": "features",
    "resnet": "layer2",
    "mobilenet": "features",
    "vit": "blocks.1.norm1",
    "squeeze": "classes.1",
    "windows": "norm",
}
EXPECTED = {
    ("handmade", "FPN detector"): STAGE,
    ("handmade", "U-Net"): SAME,
    ("handmade", "YOLO, C2f and PAN"): SAID,
    ("handmade", "scores of two depths"): STAGE,
    ("torchvision", "lraspp_mobilenet_v3_large"): STAGE,
    ("torchvision", "mnasnet0_5"): SAME,
    ("torchvision", "resnet18"): SAME,
    ("torchvision", "squeezenet1_1"): STAGE,
}


def judged(name, module):
    found = nets.exported(name)
    x = found.x.astype(np.float32)
    row = Row("architectures", name, "TorchScript 17", module, "", "")
    return judge(found.proto, x, hooked(found.net, module, torch.from_numpy(x)), row)


@pytest.mark.parametrize("name", SMALL)
def test_the_layer_of_a_small_network_is_the_expert_s(name):
    row = judged(name, SMALL[name])
    assert (row.verdict, row.said) == (SAME, ""), row


@pytest.mark.parametrize(("library", "name"), EXPECTED)
def test_the_layer_of_a_family_is_the_expert_s_or_the_choice_is_said(library, name, tmp_path):
    net, expert = made(library, name)
    images = forms.images(expert.side)
    model = forms.export(net, images, tmp_path / "net.onnx", "torchscript", 17)
    x = images["x"][:1]
    row = Row(library, name, "TorchScript 17", expert.module, expert.source, "")
    judge(model, x.numpy(), hooked(net, expert.module, x), row)
    assert row.verdict == EXPECTED[library, name], row


def test_a_wrong_choice_would_be_seen(monkeypatch):
    early = Network(prepare(nets.exported("resnet").proto)).layer("early")
    monkeypatch.setattr(Network, "layer_choice", LayerChoice((early,), ""))
    assert judged("resnet", "layer2").verdict == WRONG
    monkeypatch.setattr(Network, "layer_choice", LayerChoice((early,), "", "it lies early"))
    assert judged("resnet", "layer2").verdict == SAID


def test_a_later_choice_on_another_grid_has_its_own_name():
    assert judged("resnet", "stem").verdict == LATER


def test_alike_needs_the_numbers_in_their_order():
    maps = np.random.default_rng(0).normal(size=(1, 3, 4, 5))
    assert alike(np.moveaxis(maps, 1, -1).astype(np.float32), maps)
    assert alike(maps.reshape(1, 3, 20), maps)
    assert not alike(maps[:, :, ::-1], maps)
    assert not alike(1.01 * maps, maps)


def test_the_hook_sees_what_goes_in_and_what_comes_out():
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())
    x = torch.full((1, 1, 2, 2), -1.0)
    assert hooked(net, "1", x).min() >= 0
    np.testing.assert_array_equal(hooked(net, ">1", x), hooked(net, "0", x))
