"""Networks with random weights whose output depends on their input."""

from __future__ import annotations

import re

import torch
from torch import nn

from onnxplain.convert.torchvision_guard import import_torchvision

import_torchvision()

from torchvision import models  # noqa: E402

# Side of the input in pixels: the smallest that the network takes without trouble.
TORCHVISION = {
    "alexnet": 224, "convnext_tiny": 64, "densenet121": 64, "efficientnet_b0": 64,
    "efficientnet_v2_s": 64, "googlenet": 64, "mnasnet0_5": 64, "mobilenet_v2": 64,
    "mobilenet_v3_small": 64, "regnet_y_400mf": 64, "resnet18": 64, "resnext50_32x4d": 64,
    "shufflenet_v2_x0_5": 64, "squeezenet1_1": 64, "swin_t": 64, "swin_v2_t": 64, "vgg11_bn": 224,
    "vit_b_32": 96, "wide_resnet50_2": 64,
}  # fmt: skip
TIMM = {
    "beit_base_patch16_224": 224, "botnet26t_256": 256, "cait_xxs24_224": 224,
    "coat_lite_tiny": 224, "convmixer_768_32": 64, "convnextv2_atto": 64, "crossvit_tiny_240": 240,
    "deit_tiny_patch16_224": 224, "dla34": 64, "dm_nfnet_f0": 64, "dpn68": 64,
    "edgenext_xx_small": 64, "efficientformer_l1": 224, "eva02_tiny_patch14_224": 224,
    "fastvit_t8": 64, "ghostnet_050": 64, "hrnet_w18_small": 64, "inception_v3": 96,
    "lcnet_050": 64, "levit_128s": 224,
    "maxvit_rmlp_pico_rw_256": 256, "mixer_s32_224": 224, "mobilenetv4_conv_small": 64,
    "mobileone_s0": 64, "mobilevit_xxs": 64, "poolformer_s12": 64, "pvt_v2_b0": 64,
    "regnetx_002": 64, "repvgg_a0": 64, "res2net50_14w_8s": 64, "resmlp_12_224": 224,
    "resnetv2_50x1_bit": 64, "rexnet_100": 64, "selecsls42": 64, "skresnet18": 64,
    "swin_tiny_patch4_window7_224": 224, "tf_efficientnet_lite0": 64, "tiny_vit_5m_224": 224,
    "tnt_s_patch16_224": 224, "twins_pcpvt_small": 224, "vit_tiny_patch16_224": 224,
    "volo_d1_224": 224, "xception41": 64, "xcit_nano_12_p16_224": 224,
}  # fmt: skip

# Scales of residual branches, which start so small that the branch is not seen.
_BRANCH_SCALE = re.compile(r"(^|[._])(gamma\w*|layer_scale\w*|ls\d?|skipinit_gain|scale)(\.|$)")


def calibrated(library: str, name: str) -> tuple[nn.Module, int]:
    """Return a network in evaluation mode and the side of its input."""
    torch.manual_seed(0)
    if library == "torchvision":
        net, side = _torchvision(name), TORCHVISION[name]
    else:
        import timm

        timm.layers.set_fused_attn(False)
        net, side = timm.create_model(name, pretrained=False, exportable=True), TIMM[name]
    calibrate(net, side)
    return net.eval(), side


def calibrate(net: nn.Module, side: int) -> None:
    """Let every part of a network with random weights be seen at its output."""
    for key, parameter in net.named_parameters():
        if _BRANCH_SCALE.search(key) and parameter.abs().max() < 0.2:
            parameter.data.fill_(0.5)
    normalised = False
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            normalised, module.momentum = True, None
        if isinstance(module, (nn.modules.batchnorm._BatchNorm, nn.LayerNorm)):
            if module.weight is not None:
                nn.init.uniform_(module.weight, 0.6, 1.4)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -0.2, 0.2)
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
    if normalised:
        with torch.no_grad():
            net.train()(torch.randn(8, 3, side, side))


def _torchvision(name: str) -> nn.Module:
    settings = {"image_size": TORCHVISION[name]} if name.startswith("vit") else {}
    if name == "googlenet":
        settings = {"aux_logits": False, "init_weights": False}
    return getattr(models, name)(weights=None, **settings)
