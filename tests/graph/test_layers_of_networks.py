"""The layer and the linear head that are chosen on networks of every kind."""

import nets
import pytest
from originals import pair

from onnxplain.errors import MethodRefusedError

# Operator, channels, grid, axes, and what CAM finds in the head (None: a linear layer).
EXPECTED = {
    "vgg": ("Relu", 16, (16, 16), "NCHW", "MaxPool"),
    "resnet": ("Relu", 16, (4, 4), "NCHW", None),
    "mobilenet": ("Clip", 24, (8, 8), "NCHW", None),
    "squeeze": ("Relu", nets.CLASSES, (16, 16), "NCHW", None),
    "tensorflow": ("Relu", 12, (16, 16), "NHWC", None),
    "windows": ("LayerNormalization", 8, (8, 8), "NHWC", None),
    "branches": ("Concat", 10, (16, 16), "NCHW", None),
    "sizes": ("Relu", 6, (16, 16), "NCHW", None),
    # As many channels as tokens: only the order of the axes tells which is which.
    "vit": ("LayerNormalization", 16, (4, 4), "NLC", "read by several nodes"),
}


def test_every_network_is_listed():
    assert {*EXPECTED, "mlp"} == set(nets.NETS)


@pytest.mark.parametrize("name", list(EXPECTED))
def test_layer(name):
    op_type, channels, grid, axes, _ = EXPECTED[name]
    layer = pair(name).single.network.layer(None)
    assert (layer.op_type, layer.channels, layer.grid) == (op_type, channels, grid)
    assert "".join(layer.axes) == axes
    assert layer.prefix == (1 if name == "vit" else 0)


@pytest.mark.parametrize("name", list(EXPECTED))
def test_linear_head(name):
    _, channels, _, _, obstacle = EXPECTED[name]
    network = pair(name).single.network
    if obstacle is None:
        head = network.cam_head(network.layer(None))
        assert head.weight.shape == (nets.CLASSES, channels)
        assert head.bias.shape == (nets.CLASSES,)
    else:
        with pytest.raises(MethodRefusedError, match=obstacle):
            network.cam_head(network.layer(None))


def test_a_network_without_places_lists_what_there_is():
    network = pair("mlp").single.network
    assert network.layers == []
    with pytest.raises(MethodRefusedError, match="no spatial layer lies on every path"):
        network.layer(None)
