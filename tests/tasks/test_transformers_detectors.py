"""DETR, YOLOS and RT-DETR of transformers, built from configurations, by both exporters."""

import io

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper
from torch import nn

import onnxplain
from onnxplain.convert.torchvision_guard import import_torchvision
from onnxplain.errors import UnsupportedModelError

import_torchvision()  # transformers imports torchvision too
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.slow

SIDE, NAMES = 64, "{0: 'cat', 1: 'dog', 2: 'car'}"
_RESNET = {
    "embedding_size": 8, "hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1],
    "layer_type": "basic",
}  # fmt: skip


def detr():
    config = transformers.DetrConfig(
        use_timm_backbone=False, use_pretrained_backbone=False, backbone=None,
        backbone_config=transformers.ResNetConfig(**_RESNET, out_features=["stage4"]),
        d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, num_queries=20,
        num_labels=3,
    )  # fmt: skip
    return transformers.DetrForObjectDetection(config)


def yolos():
    config = transformers.YolosConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        image_size=[SIDE, SIDE], patch_size=16, num_detection_tokens=20, num_labels=3,
    )  # fmt: skip
    return transformers.YolosForObjectDetection(config)


def rt_detr():
    backbone = transformers.RTDetrResNetConfig(
        **_RESNET, out_features=["stage2", "stage3", "stage4"]
    )
    config = transformers.RTDetrConfig(
        backbone_config=backbone, use_timm_backbone=False, use_pretrained_backbone=False,
        encoder_hidden_dim=32, encoder_in_channels=[16, 16, 32], encoder_ffn_dim=64,
        encoder_attention_heads=2, d_model=32, num_queries=20, decoder_in_channels=[32, 32, 32],
        decoder_ffn_dim=64, decoder_layers=2, decoder_attention_heads=2, num_denoising=0,
        num_labels=3, anchor_image_size=None,
    )  # fmt: skip
    return transformers.RTDetrForObjectDetection(config)


class _Outputs(nn.Module):
    def __init__(self, net) -> None:
        super().__init__()
        self.net = net

    def forward(self, x):
        found = self.net(pixel_values=x)
        return found.logits, found.pred_boxes


BUILT = {"detr": detr, "yolos": yolos, "rt-detr": rt_detr}


@pytest.fixture(scope="module", params=[(n, d) for n in BUILT for d in (False, True)])
def made(request):
    """Network, its file without names, and whether its scores are those of Sigmoids."""
    name, dynamo = request.param
    if (name, dynamo) == ("rt-detr", True):
        pytest.skip("takes minutes to export")
    torch.manual_seed(0)
    net = _Outputs(BUILT[name]()).eval()
    file = io.BytesIO()
    options = {"input_names": ["pixel_values"], "output_names": ["logits", "pred_boxes"]}
    if not dynamo:
        options["opset_version"] = 17
    torch.onnx.export(net, (torch.rand(1, 3, SIDE, SIDE),), file, dynamo=dynamo, **options)
    return net, onnx.load_from_string(file.getvalue()), name == "rt-detr"


def test_without_names_nothing_says_what_activates_the_logits(made):
    _, proto, _ = made
    with pytest.raises(UnsupportedModelError, match="nothing says whether they are logits"):
        onnxplain.load(proto, preprocess="zero-one", device="cpu")


def test_boxes_and_scores_are_those_of_the_post_processing(made):
    net, proto, sigmoids = made
    proto = onnx.ModelProto.FromString(proto.SerializeToString())
    helper.set_model_props(proto, {"names": NAMES})
    model = onnxplain.load(proto, preprocess="zero-one", device="cpu")
    photo = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    picture = model.read(photo)
    layout = model.task.layout
    values = model.network.ort.activations(picture.x, layout.tensors)
    with torch.no_grad():
        logits, boxes = net(torch.from_numpy(picture.x))
    if sigmoids:  # of equal proposals any may be the first
        session = onnxruntime.InferenceSession(proto.SerializeToString())
        said = session.run(["logits", "pred_boxes"], {"pixel_values": picture.x})
        logits, boxes = map(torch.from_numpy, said)
    # As the image processors' post_process_object_detection does it.
    scores = logits.sigmoid() if sigmoids else logits.softmax(-1)[..., :-1]
    x, y, w, h = boxes[0].unbind(-1)
    sides = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1) * SIDE
    np.testing.assert_allclose(layout.sides(values)[0].T, sides.numpy(), atol=1e-3)
    np.testing.assert_allclose(layout.class_scores(values)[0].T, scores[0].numpy(), atol=1e-4)
    assert not any("may be" in w and "numbers of its boxes" in w for w in model.warnings)
    drawn = "cat in 8,8,50,50"
    # Untrained, the boxes of RT-DETR are the same for every picture, which proves nothing.
    loose = {"allow_mismatch": sigmoids}
    for method, options in (("rise", {"samples": 32}), ("gradient", loose)):
        found = model.explain(picture, method, drawn, **options)
        assert np.isfinite(found.attribution).all()
        assert found.attribution.any()
