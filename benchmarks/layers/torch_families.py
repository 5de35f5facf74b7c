"""Networks of torchvision and timm, and the layer at which experts read each of them."""

from __future__ import annotations

from typing import NamedTuple

# pytorch-grad-cam, README, "Choosing the layer to extract activations from", and its tutorials.
CAM = "pytorch-grad-cam"
# Where timm itself says that the last feature maps lie (`feature_info`).
INFO = "timm feature_info"
# No list names it: what the paper calls the output of its last stage.
STAGE = "last stage"


class Expert(NamedTuple):
    """Side of the input, the expert's module, who says so; ``>`` stands for a module's input."""

    side: int
    module: str
    source: str


TORCHVISION = {
    "alexnet": Expert(224, "features.12", CAM),
    "convnext_tiny": Expert(96, "features.7", STAGE),
    "deeplabv3_resnet50": Expert(96, "backbone.layer4", CAM),
    "densenet121": Expert(96, "features", CAM),
    "efficientnet_b0": Expert(96, "features.8", CAM),
    "efficientnet_v2_s": Expert(96, "features.7", CAM),
    "fcn_resnet50": Expert(96, "backbone.layer4", CAM),
    "googlenet": Expert(96, "inception5b", STAGE),
    "inception_v3": Expert(128, "Mixed_7c", STAGE),
    "lraspp_mobilenet_v3_large": Expert(96, "backbone.16", STAGE),
    "maxvit_t": Expert(224, "blocks.3", STAGE),
    "mnasnet0_5": Expert(96, "layers.16", CAM),
    "mobilenet_v2": Expert(96, "features.18", CAM),
    "mobilenet_v3_small": Expert(96, "features.12", CAM),
    "regnet_y_400mf": Expert(96, "trunk_output.block4", STAGE),
    "resnet18": Expert(96, "layer4.1", CAM),
    "resnext50_32x4d": Expert(96, "layer4.2", CAM),
    "shufflenet_v2_x0_5": Expert(96, "conv5", STAGE),
    "squeezenet1_1": Expert(96, "features.12", STAGE),
    "swin_t": Expert(96, "features.7.1.norm1", CAM),
    "swin_v2_t": Expert(96, "features.7.1.norm1", CAM),
    "vgg11_bn": Expert(224, "features.28", CAM),
    "vit_b_32": Expert(96, "encoder.layers.encoder_layer_11.ln_1", CAM),
    "wide_resnet50_2": Expert(96, "layer4.2", CAM),
}
TIMM = {
    "beit_base_patch16_224": Expert(224, "blocks.11.norm1", CAM),
    "botnet26t_256": Expert(256, "final_conv", INFO),
    "caformer_s18": Expert(96, "stages.3", INFO),
    "cait_xxs24_224": Expert(224, "blocks.23", INFO),
    "coat_lite_tiny": Expert(224, "serial_blocks4.1.norm1", CAM),
    "coatnet_pico_rw_224": Expert(224, "stages.3", INFO),
    "convformer_s18": Expert(96, "stages.3", INFO),
    "convit_tiny": Expert(224, "blocks.11.norm1", CAM),
    "convmixer_768_32": Expert(96, "blocks.31", INFO),
    "convnextv2_atto": Expert(96, "stages.3", INFO),
    "crossvit_tiny_240": Expert(240, "blocks.2.blocks.1.0.norm1", CAM),
    "cspdarknet53": Expert(96, "stages.4", INFO),
    "darknet53": Expert(96, "stages.4", INFO),
    "davit_tiny": Expert(224, "stages.3", INFO),
    "deit_tiny_patch16_224": Expert(224, "blocks.11.norm1", CAM),
    "deit_tiny_distilled_patch16_224": Expert(224, "blocks.11.norm1", CAM),
    "dla34": Expert(96, "level5", INFO),
    "dm_nfnet_f0": Expert(96, "final_conv", INFO),
    "dpn68": Expert(96, "features.conv5_bn_ac", STAGE),
    "edgenext_xx_small": Expert(96, "stages.3", INFO),
    "efficientformer_l1": Expert(224, "stages.3", INFO),
    "efficientvit_b0": Expert(96, "stages.3", INFO),
    "efficientvit_m0": Expert(224, "stages.2", INFO),
    "ese_vovnet19b_dw": Expert(96, "stages.3", INFO),
    "eva02_tiny_patch14_224": Expert(224, "blocks.11.norm1", CAM),
    "fastvit_t8": Expert(96, "stages.3", INFO),
    "focalnet_tiny_srf": Expert(224, "layers.3", INFO),
    "gcvit_xxtiny": Expert(224, "stages.3", INFO),
    "ghostnet_050": Expert(96, "blocks.9", STAGE),
    "gmlp_ti16_224": Expert(224, "blocks.29.norm", CAM),
    "hardcorenas_a": Expert(96, "blocks.6", INFO),
    "hgnet_tiny": Expert(96, "stages.3", INFO),
    "hiera_tiny_224": Expert(224, "blocks.11.norm1", CAM),
    "hrnet_w18_small": Expert(96, "final_layer", STAGE),
    "inception_next_atto": Expert(96, "stages.3", INFO),
    "lambda_resnet26t": Expert(256, "final_conv", INFO),
    "lcnet_050": Expert(96, "blocks.5", INFO),
    "levit_128s": Expert(224, "stages.2", INFO),
    "mambaout_femto": Expert(96, "stages.3", INFO),
    "maxvit_rmlp_pico_rw_256": Expert(256, "stages.3", INFO),
    "mixer_s32_224": Expert(224, "blocks.7.norm1", CAM),
    "mobilenetv4_conv_small": Expert(96, "blocks.4", INFO),
    "mobileone_s0": Expert(96, "stages.3", STAGE),
    "mobilevit_xxs": Expert(96, "final_conv", INFO),
    "mobilevitv2_050": Expert(96, "final_conv", INFO),
    "mvitv2_tiny": Expert(224, "stages.3.blocks.1.norm1", CAM),
    "nest_tiny": Expert(224, "levels.2", INFO),
    "nextvit_small": Expert(96, "stages.3", INFO),
    "pit_ti_224": Expert(224, "transformers.2.blocks.3.norm1", CAM),
    "poolformer_s12": Expert(96, "stages.3", INFO),
    "pvt_v2_b0": Expert(96, "stages.3.blocks.1.norm1", CAM),
    "rdnet_tiny": Expert(96, "dense_stages.6", INFO),
    "repvgg_a0": Expert(96, "stages.3", STAGE),
    "repvit_m0_9": Expert(96, "stages.3", INFO),
    "res2net50_14w_8s": Expert(96, "layer4.2", CAM),
    "resmlp_12_224": Expert(224, "blocks.11", INFO),
    "resnest14d": Expert(96, "layer4.0", CAM),
    "resnet50_clip": Expert(224, "stages.3", STAGE),
    "resnetv2_50x1_bit": Expert(96, "stages.3", INFO),
    "rexnet_100": Expert(96, "features.16", STAGE),
    "selecsls42": Expert(96, "head.3", INFO),
    "sequencer2d_s": Expert(224, "stages.3", INFO),
    "skresnet18": Expert(96, "layer4.1", CAM),
    "starnet_s1": Expert(96, "stages.3", INFO),
    "swiftformer_xs": Expert(224, "stages.3", INFO),
    "swin_tiny_patch4_window7_224": Expert(224, "layers.3.blocks.1.norm1", CAM),
    "swinv2_cr_tiny_224": Expert(224, "stages.3.blocks.1.norm1", CAM),
    "tf_efficientnet_lite0": Expert(96, "bn2", CAM),
    "tiny_vit_5m_224": Expert(224, "stages.3", INFO),
    "tnt_s_patch16_224": Expert(224, "blocks.11.norm_out", CAM),
    "tresnet_m": Expert(96, "body.layer4", INFO),
    "twins_pcpvt_small": Expert(224, "blocks.3.2.norm1", CAM),
    "visformer_tiny": Expert(224, "stage3", INFO),
    "vit_base_patch16_siglip_224": Expert(224, "blocks.11.norm1", CAM),
    "vit_relpos_small_patch16_224": Expert(224, "blocks.11.norm1", CAM),
    "vit_tiny_patch16_224": Expert(224, "blocks.11.norm1", CAM),
    "volo_d1_224": Expert(224, "network.4", INFO),
    "xception41": Expert(96, "blocks.12", INFO),
    "xcit_nano_12_p16_224": Expert(224, "blocks.11", INFO),
}
