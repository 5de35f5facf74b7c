"""Small SSD, RetinaNet, FCOS and Faster R-CNN of torchvision, beside their ONNX files.

torchvision's own operators may be missing where it was built for another PyTorch; then
suppression is done in Python, as the exporter replaces it anyway.
"""

from __future__ import annotations

import functools
import importlib
import io

import onnx
import torch
from detector_forms import Detector
from torch import nn

from onnxplain.convert.torchvision_guard import import_torchvision

import_torchvision()

import torchvision.ops.boxes  # noqa: E402
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet  # noqa: E402
from torchvision.models.detection.anchor_utils import (  # noqa: E402
    AnchorGenerator,
    DefaultBoxGenerator,
)
from torchvision.models.detection.ssd import SSD  # noqa: E402

SIDE, CLASSES = 64, 4
_kept: list[torch.library.Library] = []


def _there() -> None:
    """Stands for torchvision's check that its operators are there."""


def _suppressed(boxes, scores, threshold):
    left, kept = scores.argsort(descending=True, stable=True), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        a, b = boxes[best], boxes[left]
        shared = (torch.minimum(a[2:], b[:, 2:]) - torch.maximum(a[:2], b[:, :2])).clamp(min=0)
        shared = shared.prod(1)
        areas = [(c[..., 2:] - c[..., :2]).prod(-1) for c in (a, b)]
        left = left[shared / (areas[0] + areas[1] - shared) <= threshold]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.int64)


def _pooled(x, rois, scale: float, rows: int, columns: int, ratio: int, aligned: bool):
    """RoIAlign by bilinear sampling: the mean of `ratio` points along each side of a bin."""
    found = []
    for image, *sides in rois.tolist():
        left, top, right, bottom = (s * scale - 0.5 * aligned for s in sides)
        wide, high = right - left, bottom - top
        if not aligned:
            wide, high = max(wide, 1.0), max(high, 1.0)
        ys = top + (torch.arange(rows * ratio) + 0.5) * high / (rows * ratio)
        xs = left + (torch.arange(columns * ratio) + 0.5) * wide / (columns * ratio)
        size = torch.tensor([x.shape[3], x.shape[2]])
        points = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1)
        inside = ((points >= -1) & (points <= size)).all(-1)
        points = points.clamp(min=0).minimum(size - 1.0)
        where = (2 * points / (size - 1) - 1)[None].to(x)
        of = x[int(image)][None]
        sampled = nn.functional.grid_sample(of, where, align_corners=True) * inside
        found.append(nn.functional.avg_pool2d(sampled, ratio))
    return torch.cat(found) if found else x.new_zeros(0, x.shape[1], rows, columns)


def _with_operators() -> None:
    try:
        torch.ops.torchvision.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except NotImplementedError:
        definition = torch.library.Library("torchvision", "FRAGMENT")
        definition.define(
            "roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, "
            "int pooled_width, int sampling_ratio, bool aligned) -> Tensor"
        )
        library = torch.library.Library("torchvision", "IMPL")
        library.impl("nms", _suppressed, "CPU")
        library.impl("roi_align", _pooled, "CPU")
        _kept.extend((definition, library))
        roi_align = importlib.import_module("torchvision.ops.roi_align")
        for module in (torchvision.ops.boxes, roi_align):
            module._assert_has_ops = _there
        roi_align._has_ops = lambda: True


class Features(nn.Module):
    """Maps of strides 8 and 16."""

    def __init__(self, last: int = 16) -> None:
        super().__init__()
        self.out_channels: int | list[int] = last
        step = Detector._step
        self.first = nn.Sequential(*step(3, 8), *step(8, 12), *step(12, last))
        self.second = nn.Sequential(*step(last, last))

    def forward(self, x):
        first = self.first(x)
        return {"0": first, "1": self.second(first)}


class _Outputs(nn.Module):
    def __init__(self, net) -> None:
        super().__init__()
        self.net = net

    def forward(self, x):
        (found,) = self.net(list(x))
        return found["boxes"], found["scores"], found["labels"]


def _ssd():
    boxes = DefaultBoxGenerator([[2], [2]], scales=[0.2, 0.4, 0.6], steps=[8, 16])
    features = Features()
    features.out_channels = [16, 16]
    return SSD(features, boxes, (SIDE, SIDE), CLASSES, score_thresh=0.3, topk_candidates=60)


def _anchors(each):
    return AnchorGenerator(((12,), (24,)), ((0.5, 1.0, 2.0)[:each],) * 2)


SAME = {"min_size": SIDE, "max_size": SIDE}


def _retinanet():
    return RetinaNet(Features(), CLASSES, anchor_generator=_anchors(3), score_thresh=0.3, **SAME)


def _fcos():
    anchors = AnchorGenerator(((8,), (16,)), ((1.0,),) * 2)
    return FCOS(
        Features(32), CLASSES, anchor_generator=anchors, score_thresh=0.3,
        detections_per_img=900, **SAME,
    )  # fmt: skip


def _faster_rcnn():
    return FasterRCNN(
        Features(), CLASSES, rpn_anchor_generator=_anchors(3), box_score_thresh=0.3,
        rpn_pre_nms_top_n_test=30, rpn_post_nms_top_n_test=20, **SAME,
    )  # fmt: skip


BUILT = {"ssd": _ssd, "retinanet": _retinanet, "fcos": _fcos, "faster-rcnn": _faster_rcnn}


@functools.cache
def network(name: str) -> nn.Module:
    """A detector whose scores differ from place to place, so that it finds boxes."""
    _with_operators()
    torch.manual_seed(0)
    net = BUILT[name]().eval()
    for key, weight in net.named_parameters():
        wide = any(k in key for k in ("cls", "classification", "class"))
        if weight.ndim > 1:
            weight.data *= 8.0 if wide else 1.5
        elif wide:
            weight.data.zero_()
    return _Outputs(net).eval()


@functools.cache
def written(name: str) -> onnx.ModelProto:
    """Return the file of a detector, by the exporter that traces."""
    file = io.BytesIO()
    generator = torch.Generator().manual_seed(0)
    outputs = ["boxes", "scores", "labels"]
    torch.onnx.export(
        network(name), (torch.rand(1, 3, SIDE, SIDE, generator=generator),), file, dynamo=False,
        opset_version=17, input_names=["images"], output_names=outputs,
    )  # fmt: skip
    return onnx.load_from_string(file.getvalue())
