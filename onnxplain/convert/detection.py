"""Heads of detectors: pooled regions and non-maximum suppression."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from onnxplain.convert.function import Function, integers, unsupported
from onnxplain.graph.view import Node


def _average(start: float, length: float, bins: int, ratio: int, size: int) -> Tensor:
    """Matrix that averages interpolated points in each bin of one axis, (bins, size)."""
    count = ratio or max(1, math.ceil(length / bins))
    points = start + (torch.arange(bins * count) + 0.5) * (length / bins / count)
    near = ((points >= -1) & (points <= size)).unsqueeze(-1)
    distance = points.clamp(0, size - 1).unsqueeze(-1) - torch.arange(size)
    weights = (1 - distance.abs()).clamp(min=0) * near
    return weights.reshape(bins, count, size).mean(1)


def _roi_align(node: Node, aligned: bool) -> nn.Module:
    get = node.attributes.get
    if get("mode", "avg") != "avg":
        raise unsupported(node, f"mode {get('mode')!r}")
    bins = get("output_height", 1), get("output_width", 1)
    ratio, scale = get("sampling_ratio", 0), get("spatial_scale", 1.0)
    shift = 0.5 if aligned else 0.0

    def apply(x: Tensor, rois: Tensor, images: Tensor) -> Tensor:
        regions = []
        for (x1, y1, x2, y2), image in zip(rois.tolist(), integers(images), strict=True):
            matrices = []
            for axis, low, high in ((0, y1, y2), (1, x1, x2)):
                length = (high - low) * scale
                # Before half pixels were understood, a region was at least one pixel.
                length = length if aligned else max(length, 1.0)
                start, size = low * scale - shift, x.shape[2 + axis]
                matrices.append(_average(start, length, bins[axis], ratio, size).to(x))
            regions.append(matrices[0] @ x[image] @ matrices[1].T)
        return torch.stack(regions) if regions else x.new_zeros(0, x.shape[1], *bins)

    return Function(apply)


def roi_align_10(node: Node) -> nn.Module:
    """RoiAlign-10: coordinates are not shifted by half a pixel."""
    return _roi_align(node, aligned=False)


def roi_align(node: Node) -> nn.Module:
    """RoiAlign, opset 16 to 22: the mean of interpolated points in each bin."""
    mode = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    return _roi_align(node, aligned=mode == "half_pixel")


def _corners(boxes: Tensor, centred: bool) -> Tensor:
    """Boxes as (y1, x1, y2, x2) with the smaller corner first."""
    if centred:
        x, y, w, h = boxes.unbind(-1)
        return torch.stack((y - h / 2, x - w / 2, y + h / 2, x + w / 2), -1)
    first, second = boxes[..., :2], boxes[..., 2:]
    return torch.cat((torch.minimum(first, second), torch.maximum(first, second)), -1)


def _overlap(box: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of one box with each of the others."""
    low, high = torch.maximum(box[:2], others[:, :2]), torch.minimum(box[2:], others[:, 2:])
    common = (high - low).clamp(min=0).prod(-1)
    union = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(-1) - common
    return torch.where(union > 0, common / union, 0)


def non_max_suppression(node: Node) -> nn.Module:
    """NonMaxSuppression: (image, class, box) of the boxes kept, best first."""
    centred = bool(node.attributes.get("center_point_box", 0))

    def apply(
        boxes: Tensor,
        scores: Tensor,
        most: Tensor | None = None,
        overlap: Tensor | None = None,
        least: Tensor | None = None,
    ) -> Tensor:
        limit = 0 if most is None else int(most)
        threshold = 0.0 if overlap is None else float(overlap)
        corners = _corners(boxes, centred)
        kept: list[list[int]] = []
        for image, label in torch.cartesian_prod(*map(torch.arange, scores.shape[:2])).tolist():
            score = scores[image, label]
            order = torch.argsort(score, descending=True, stable=True)
            order = order if least is None else order[score[order] > float(least)]
            chosen = 0
            while order.numel() and chosen < limit:
                best, order = order[0], order[1:]
                kept.append([image, label, int(best)])
                chosen += 1
                shared = _overlap(corners[image, best], corners[image, order])
                order = order[shared <= threshold]
        return torch.tensor(kept, dtype=torch.int64, device=boxes.device).reshape(-1, 3)

    return Function(apply)
