"""ResNet-18, MobileNetV2 and a small Swin as torchvision defines them, beside their ONNX files."""

import functools

import seeded
from nets import export
from originals import exactly
from torch import nn

import onnxplain
from onnxplain.convert.torchvision_guard import import_torchvision

import_torchvision()

from torchvision import models  # noqa: E402
from torchvision.models.swin_transformer import SwinTransformer  # noqa: E402

SIDE, CLASSES = 64, 20


def small_swin(**options):
    """Two stages of shifted windows."""
    settings = {"patch_size": [4, 4], "embed_dim": 24, "depths": [2, 2], "num_heads": [2, 4]}
    return SwinTransformer(**settings, window_size=[4, 4], **options)


NETS = {
    "resnet18": models.resnet18,
    "mobilenet_v2": models.mobilenet_v2,
    "swin": small_swin,
}


@functools.cache
def made(name):
    """Network in float64, its unfolded file, and a picture; BatchNorm statistics calibrated."""
    net = seeded.made(lambda: NETS[name](num_classes=CLASSES))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.6, 1.4)
            nn.init.uniform_(module.bias, -0.2, 0.2)
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
        if hasattr(module, "inplace"):
            module.inplace = False  # which Captum's hooks cannot follow
    pictures = seeded.smooth_pictures(9, SIDE).float()
    net = seeded.calibrated(net, pictures[1:])
    proto = export(net, pictures[:1])
    model = onnxplain.load(proto, preprocess="minus-one-one", precision="double")
    return net.double(), exactly(model), pictures[:1].numpy()
