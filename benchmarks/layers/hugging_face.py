"""Small networks of Hugging Face transformers, and the layer at which experts read each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf
from torch import Tensor, nn

from benchmarks.layers.torch_families import CAM, STAGE, Expert


class Scores(nn.Module):
    """A network that returns its scores alone."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Scores of images."""
        return self.net(pixel_values=x).logits


_TOKENS = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
_VIT = {**_TOKENS, "intermediate_size": 64, "patch_size": 16, "image_size": 96}
_SIDE = 96


def _network(config: type) -> type:
    return getattr(hf, config.__name__.removesuffix("Config") + "ForImageClassification")


def _classifier(config: type, **settings: Any) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        made = config(num_labels=10, attn_implementation="eager", **settings)
        return _network(config)(made)

    return make


def _plain(config: type, **settings: Any) -> Callable[[], nn.Module]:
    """For networks without attention, which know no kinds of it."""
    return lambda: _network(config)(config(num_labels=10, **settings))


def _segmenter(config: type, **settings: Any) -> Callable[[], nn.Module]:
    return lambda: hf.AutoModelForSemanticSegmentation.from_config(config(num_labels=5, **settings))


_STAGES = {"hidden_sizes": [16, 24, 32, 48], "depths": [2, 2, 2, 2]}
_SWIN = {"embed_dim": 16, "depths": [2, 2, 2], "num_heads": [2, 2, 2], "window_size": 3}

NETWORKS: dict[str, tuple[Callable[[], nn.Module], Expert]] = {
    "beit": (
        _classifier(hf.BeitConfig, **_VIT),
        Expert(_SIDE, "beit.layers.2.layernorm_before", CAM),
    ),
    "bit": (
        _plain(hf.BitConfig, embedding_size=32, hidden_sizes=[128, 128, 256, 256],
               depths=[1, 1, 1, 1]),
        Expert(_SIDE, "bit.encoder.stages.3", CAM),
    ),
    "clip": (
        _classifier(hf.CLIPConfig, vision_config={**_VIT}),
        Expert(_SIDE, "vision_model.encoder.layers.2.layer_norm1", CAM),
    ),
    "convnext": (
        _plain(hf.ConvNextConfig, **_STAGES),
        Expert(_SIDE, "convnext.encoder.stages.3", CAM),
    ),
    "convnextv2": (
        _plain(hf.ConvNextV2Config, **_STAGES),
        Expert(_SIDE, "convnextv2.encoder.stages.3", CAM),
    ),
    "cvt": (
        _plain(
            hf.CvtConfig, embed_dim=[16, 48, 96],
        ),
        Expert(_SIDE, "cvt.encoder.stages.2.layers.9.layernorm_before", CAM),
    ),
    "data2vec": (
        _classifier(hf.Data2VecVisionConfig, **_VIT),
        Expert(_SIDE, "data2vec_vision.encoder.layer.2.layernorm_before", CAM),
    ),
    "deit": (
        _classifier(hf.DeiTConfig, **_VIT),
        Expert(_SIDE, "deit.layers.2.layernorm_before", CAM),
    ),
    "dinov2": (
        _classifier(hf.Dinov2Config, **{**_VIT, "mlp_ratio": 2}),
        Expert(_SIDE, "dinov2.encoder.layer.2.norm1", CAM),
    ),
    "efficientnet": (
        _plain(hf.EfficientNetConfig, image_size=96, width_coefficient=0.5, hidden_dim=640),
        Expert(_SIDE, "efficientnet.encoder", STAGE),
    ),
    "focalnet": (
        _plain(hf.FocalNetConfig, image_size=96, embed_dim=16, depths=[2, 2, 2, 2]),
        Expert(_SIDE, "focalnet.encoder.stages.3", STAGE),
    ),
    "hgnetv2": (
        _plain(
            hf.HGNetV2Config, stage_numb_of_layers=[2, 2, 2, 2], stem_channels=[3, 8, 12],
            stage_in_channels=[12, 32, 64, 96], stage_mid_channels=[8, 12, 16, 24],
            stage_out_channels=[32, 64, 96, 128], hidden_sizes=[32, 64, 96, 128],
        ),
        Expert(_SIDE, "encoder.stages.3", STAGE),
    ),
    "levit": (
        _plain(
            hf.LevitConfig, image_size=96, hidden_sizes=[32, 48, 64],
            num_attention_heads=[2, 3, 4], depths=[2, 2, 2], key_dim=[8, 8, 8],
        ),
        Expert(_SIDE, "levit.encoder.stages.2", STAGE),
    ),
    "mobilenet v1": (
        _plain(hf.MobileNetV1Config, depth_multiplier=0.25, image_size=96),
        Expert(_SIDE, "mobilenet_v1.layer.25", STAGE),
    ),
    "mobilenet v2": (
        _plain(hf.MobileNetV2Config, depth_multiplier=0.35, image_size=96),
        Expert(_SIDE, "mobilenet_v2.conv_1x1", STAGE),
    ),
    "mobilevit": (
        _plain(
            hf.MobileViTConfig, image_size=96, hidden_sizes=[16, 24, 32],
            neck_hidden_sizes=[8, 16, 16, 24, 32, 40, 64],
        ),
        Expert(_SIDE, "mobilevit.conv_1x1_exp", STAGE),
    ),
    "mobilevitv2": (
        _plain(hf.MobileViTV2Config, image_size=96, width_multiplier=0.5),
        Expert(_SIDE, "mobilevitv2.encoder.layer.4", STAGE),
    ),
    "mobilevit segmenter": (
        _segmenter(
            hf.MobileViTConfig, image_size=96, hidden_sizes=[16, 24, 32],
            neck_hidden_sizes=[8, 16, 16, 24, 32, 40, 64], aspp_out_channels=16,
        ),
        Expert(_SIDE, "mobilevit.encoder.layer.4", STAGE),
    ),
    "poolformer": (
        _plain(hf.PoolFormerConfig, **_STAGES),
        Expert(_SIDE, "poolformer.encoder.block.3.1", STAGE),
    ),
    "pvt": (
        _plain(hf.PvtConfig, image_size=96, hidden_sizes=[16, 24, 32, 48], depths=[1, 1, 1, 1],
             num_attention_heads=[1, 2, 2, 4]),
        Expert(_SIDE, "pvt.encoder.block.3.0.layer_norm_1", CAM),
    ),
    "pvt v2": (
        _plain(hf.PvtV2Config, image_size=96, hidden_sizes=[16, 24, 32, 48], depths=[1, 1, 1, 1],
               num_attention_heads=[1, 2, 2, 4]),
        Expert(_SIDE, "pvt_v2.encoder.layers.3.blocks.0.layer_norm_1", CAM),
    ),
    "regnet": (
        _plain(hf.RegNetConfig, embedding_size=16, groups_width=8, **_STAGES),
        Expert(_SIDE, "regnet.encoder.stages.3", CAM),
    ),
    "resnet": (
        _plain(hf.ResNetConfig, embedding_size=16, **_STAGES),
        Expert(_SIDE, "resnet.encoder.stages.3", CAM),
    ),
    "segformer": (
        _plain(hf.SegformerConfig, image_size=96, hidden_sizes=[16, 24, 32, 48],
               depths=[1, 1, 1, 1]),
        Expert(_SIDE, "segformer.stages.3.layer_norm", CAM),
    ),
    "segformer segmenter": (
        _segmenter(hf.SegformerConfig, image_size=96, hidden_sizes=[16, 24, 32, 48],
                   depths=[1, 1, 1, 1], decoder_hidden_size=32),
        Expert(_SIDE, "segformer.stages.3.layer_norm", CAM),
    ),
    "siglip": (
        _classifier(hf.SiglipConfig, vision_config={**_VIT}),
        Expert(_SIDE, "vision_model.encoder.layers.2.layer_norm1", CAM),
    ),
    "swiftformer": (
        _plain(hf.SwiftFormerConfig, image_size=96, embed_dims=[16, 24, 32, 48],
               depths=[1, 1, 1, 1]),
        Expert(_SIDE, "swiftformer.encoder.network.6", STAGE),
    ),
    "swin": (
        _classifier(hf.SwinConfig, image_size=96, **_SWIN),
        Expert(_SIDE, "swin.encoder.layers.2.blocks.1.layernorm_before", CAM),
    ),
    "swin v2": (
        _classifier(hf.Swinv2Config, image_size=96, **_SWIN),
        Expert(_SIDE, "swinv2.encoder.layers.2.blocks.1.layernorm_before", CAM),
    ),
    "vit": (
        _classifier(hf.ViTConfig, **_VIT),
        Expert(_SIDE, "vit.layers.2.layernorm_before", CAM),
    ),
    "vit msn": (
        _classifier(hf.ViTMSNConfig, **_VIT),
        Expert(_SIDE, "vit.layers.2.layernorm_before", CAM),
    ),
}  # fmt: skip


def made(name: str) -> nn.Module:
    """Return the network of that name, with random weights, that returns scores alone."""
    torch.manual_seed(0)
    return Scores(NETWORKS[name][0]())
