"""The chosen layer on torchvision's networks, which take minutes to export."""

import nets
import pytest
import torch
import torchvision

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network

pytestmark = pytest.mark.slow

# Operator, channels, grid, axes, tokens in front; and what CAM finds in the head.
EXPECTED = {
    "vgg11": ("Relu", 512, (14, 14), "NCHW", 0, "MaxPool"),
    "resnet18": ("Relu", 512, (7, 7), "NCHW", 0, None),
    "densenet121": ("Relu", 1024, (7, 7), "NCHW", 0, None),
    "mobilenet_v2": ("Clip", 1280, (7, 7), "NCHW", 0, None),
    "mobilenet_v3_small": ("HardSwish", 576, (7, 7), "NCHW", 0, "HardSwish"),
    "efficientnet_b0": ("Mul", 1280, (7, 7), "NCHW", 0, None),
    "convnext_tiny": ("Add", 768, (7, 7), "NCHW", 0, "the head holds LayerNormalization"),
    "swin_t": ("LayerNormalization", 768, (7, 7), "NHWC", 0, None),
    "vit_b_32": ("LayerNormalization", 768, (7, 7), "NLC", 1, "read by several nodes"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_layer_and_head(name):
    op_type, channels, grid, axes, prefix, obstacle = EXPECTED[name]
    torch.manual_seed(0)
    net = torchvision.models.get_model(name, weights=None).eval()
    proto = nets.export(net, torch.randn(1, 3, 224, 224), folded=True)
    network = Network(prepare(proto))
    layer = network.layer(None)
    found = (layer.op_type, layer.channels, layer.grid, "".join(layer.axes), layer.prefix)
    assert found == (op_type, channels, grid, axes, prefix)
    if obstacle is None:
        assert network.cam_head(layer).weight.shape == (1000, channels)
    else:
        with pytest.raises(MethodRefusedError, match=obstacle):
            network.cam_head(layer)
