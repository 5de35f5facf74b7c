"""Heads of YOLO detectors as their authors write them, and decoded cell by cell in NumPy."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from detector_forms import CLASSES, NAMES, SIDE, STRIDES, Detector, Truth, boxes_of
from onnx import helper
from torch import nn

ANCHORS = (
    ((5, 7), (9, 6), (12, 14)),
    ((14, 20), (25, 18), (22, 33)),
    ((30, 28), (35, 45), (60, 40)),
)
BINS, EXTRA, ANGLE = 16, 6, 1
# float32 sides of up to some hundred pixels, and scores, behind a few layers.
NEAR = {"rtol": 2e-4, "atol": 2e-3}


class Net(nn.Module):
    """Three scales, and of every cell so many numbers as a convolution writes them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        step = Detector._step
        self.first = nn.Sequential(*step(3, 8), *step(8, 12), *step(12, 16))
        self.second, self.third = (nn.Sequential(*step(16, 16)) for _ in range(2))
        self.heads = nn.ModuleList(nn.Conv2d(16, width, 1) for _ in STRIDES)

    def maps(self, x):
        """Raw numbers of each scale, (N, width, h, w)."""
        features = [self.first(x)]
        features += [self.second(features[-1])]
        features += [self.third(features[-1])]
        return [head(f) for head, f in zip(self.heads, features, strict=True)]


@functools.cache
def net(width: int, spread: float = 60.0) -> Net:
    """Weights for which boxes and scores differ from cell to cell."""
    torch.manual_seed(width)
    made = Net(width).eval()
    for head in made.heads:
        head.weight.data *= spread / 8
        head.bias.data *= 0.5
    return made


def grid(scale: int):
    """Column and row of each cell, (h, w) each."""
    side = SIDE // STRIDES[scale]
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return x.float(), y.float()


def flat(maps):
    return torch.cat([m.flatten(2) for m in maps], 2)


# What the files compute, as the authors' heads do.


def yolox_maps(maps):
    return [torch.cat([m[:, :4], m[:, 4:5].sigmoid(), m[:, 5:].sigmoid()], 1) for m in maps]


def yolox(maps):
    return flat(yolox_maps(maps)).permute(0, 2, 1)


def yolox_decoded(maps):
    out = yolox(maps)
    grids, strides = [], []
    for k, stride in enumerate(STRIDES):
        x, y = grid(k)
        grids.append(torch.stack((x, y), 2).view(1, -1, 2))
        strides.append(torch.full((*grids[-1].shape[:2], 1), float(stride)))
    grids, strides = torch.cat(grids, 1), torch.cat(strides, 1)
    middle = (out[..., 0:2] + grids) * strides
    return torch.cat([middle, torch.exp(out[..., 2:4]) * strides, out[..., 4:]], -1)


def anchored(maps):
    """[N, 3, h, w, 5 + K] of [N, 3 (5 + K), h, w], as YOLOv5 to v7 turn their maps."""
    return [
        m.view(m.shape[0], 3, 5 + CLASSES, *m.shape[2:]).permute(0, 1, 3, 4, 2).contiguous()
        for m in maps
    ]


def yolov5_decoded(maps):
    found = []
    for k, (m, stride) in enumerate(zip(anchored(maps), STRIDES, strict=True)):
        where = torch.stack(grid(k), 2).expand(1, 3, *m.shape[2:4], 2) - 0.5
        sizes = torch.tensor(ANCHORS[k]).float().view(1, 3, 1, 1, 2)
        xy, wh, conf = m.sigmoid().split((2, 2, CLASSES + 1), 4)
        y = torch.cat(((xy * 2 + where) * stride, (wh * 2) ** 2 * sizes, conf), 4)
        found.append(y.view(m.shape[0], -1, 5 + CLASSES))
    return torch.cat(found, 1)


class Steps(nn.Module):
    """The mean of a distribution over steps, by the convolution of Ultralytics."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(BINS, 1, 1, bias=False)
        self.conv.weight.data[:] = torch.arange(BINS).float().view(1, BINS, 1, 1)

    def forward(self, x):
        b, _, a = x.shape
        return self.conv(x.view(b, 4, BINS, a).transpose(2, 1).softmax(1)).view(b, 4, a)


STEPS = Steps()


def middles():
    points, strides = [], []
    for k, stride in enumerate(STRIDES):
        x, y = grid(k)
        points.append(torch.stack((x.flatten() + 0.5, y.flatten() + 0.5)))
        strides.append(torch.full((1, x.numel()), float(stride)))
    return torch.cat(points, 1)[None], torch.cat(strides, 1)


def yolov8(maps):
    raw = flat(maps)
    spread, logits = raw[:, : 4 * BINS], raw[:, 4 * BINS : 4 * BINS + CLASSES]
    points, strides = middles()
    before, behind = STEPS(spread).chunk(2, 1)
    low, high = points - before, points + behind
    box = torch.cat(((low + high) / 2, high - low), 1) * strides
    return torch.cat((box, logits.sigmoid()), 1)


def yolov8_logits(maps):
    box = yolov8(maps)[:, :4]
    return torch.cat((box, flat(maps)[:, 4 * BINS :]), 1)


def yolov5_logits(maps):
    """Boxes are decoded, and the user of the file applies the Sigmoids of the scores."""
    rows = [m.reshape(m.shape[0], -1, 5 + CLASSES)[..., 4:] for m in anchored(maps)]
    return torch.cat((yolov5_decoded(maps)[..., :4], torch.cat(rows, 1)), -1)


def with_more(maps):
    """A box and scores, and behind them what belongs to a mask, a pose or an angle."""
    raw = flat(maps)
    return torch.cat([yolov8(maps), raw[:, 4 * BINS + CLASSES :]], 1)


def distributions(maps):
    return flat(maps)


def spread_maps(maps):
    return maps


def squashed_maps(maps):
    return [torch.cat([m[:, : 4 * BINS], m[:, 4 * BINS :].sigmoid()], 1) for m in maps]


def spread_pairs(maps):
    boxes = [m[:, : 4 * BINS] for m in maps]
    return [*boxes, *(m[:, 4 * BINS :].sigmoid() for m in maps)]


def strongest(maps):
    """YOLOv10's and YOLO26's end: the best candidates, without suppression."""
    raw = yolov8(maps).transpose(1, 2)
    boxes, scores = raw.split((4, CLASSES), -1)
    sides = torch.cat(
        (boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2), -1
    )
    best = scores.amax(-1).topk(40)[1].unsqueeze(-1)
    sides = sides.gather(1, best.repeat(1, 1, 4))
    scores, index = scores.gather(1, best.repeat(1, 1, CLASSES)).flatten(1).topk(40)
    sides = sides.gather(1, (index // CLASSES).unsqueeze(-1).repeat(1, 1, 4))
    return torch.cat([sides, scores.unsqueeze(-1), (index % CLASSES).unsqueeze(-1).float()], -1)


# What they mean, from the raw numbers of each cell.


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def of_cells(read: Callable) -> Callable:
    """Decode every candidate of every cell with a function of its numbers, cell and scale."""

    def decode(maps) -> Truth:
        found = []
        for scale, m in enumerate(maps):
            for y, x in np.ndindex(m.shape[2:]):
                found += read(m[0, :, y, x].double().numpy(), x, y, scale)
        sides, scores = zip(*found, strict=True)
        return Truth(np.array(sides), np.array(scores), np.zeros(0))

    return decode


def _around(x, y, width, height):
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


@of_cells
def mean_yolox(v, x, y, scale):
    s = STRIDES[scale]
    box = (v[0] + x) * s, (v[1] + y) * s, math.exp(v[2]) * s, math.exp(v[3]) * s
    return [(_around(*box), sigmoid(v[4]) * sigmoid(v[5:]))]


def _of_anchors(read):
    def each(v, x, y, scale):
        rows = v.reshape(3, 5 + CLASSES)
        return [
            (_around(*read(r, x, y, STRIDES[scale], a)), sigmoid(r[4]) * sigmoid(r[5:]))
            for r, a in zip(rows, ANCHORS[scale], strict=True)
        ]

    return of_cells(each)


@_of_anchors
def mean_yolov5(r, x, y, s, anchor):
    a, b, c, d = sigmoid(r[:4])
    return (
        (2 * a - 0.5 + x) * s, (2 * b - 0.5 + y) * s,
        (2 * c) ** 2 * anchor[0], (2 * d) ** 2 * anchor[1],
    )  # fmt: skip


@_of_anchors
def mean_yolov3(r, x, y, s, anchor):
    wide, high = math.exp(r[2]) * anchor[0], math.exp(r[3]) * anchor[1]
    return (sigmoid(r[0]) + x) * s, (sigmoid(r[1]) + y) * s, wide, high


@of_cells
def mean_steps(v, x, y, scale):
    sides = []
    for bins in v[: 4 * BINS].reshape(4, BINS):
        weights = np.exp(bins - bins.max())
        sides.append((weights / weights.sum()) @ np.arange(BINS))
    left, top, right, bottom = sides
    box = (x + 0.5 - left, y + 0.5 - top, x + 0.5 + right, y + 0.5 + bottom)
    scores = sigmoid(v[4 * BINS : 4 * BINS + CLASSES])
    return [(tuple(b * STRIDES[scale] for b in box), scores)]


@of_cells
def mean_sides(v, x, y, scale):
    s, (left, top, right, bottom) = STRIDES[scale], np.abs(v[:4])
    box = (x + 0.5 - left, y + 0.5 - top, x + 0.5 + right, y + 0.5 + bottom)
    return [(tuple(b * s for b in box), sigmoid(v[4:]))]


def sides_maps(maps):
    """Distances to the sides as numbers, as YOLOv6 and YOLO26 write them before decoding."""
    return [torch.cat([m[:, :4].abs(), m[:, 4:].sigmoid()], 1) for m in maps]


def first_cells_last(maps):
    """[N, h, w, 3, 5 + K]: anchors behind the cells, as TensorFlow's conversions have them."""
    return [m.permute(0, 2, 3, 1, 4) for m in anchored(maps)]


def squashed(turn):
    return lambda maps: [m.sigmoid() for m in turn(maps)]


SPREAD = 4 * BINS + CLASSES
ONE, THREE = ("output",), ("small", "middle", "large")


@dataclass(frozen=True)
class Head:
    """A file: what it computes of the maps, what that means, its outputs, how wide it is."""

    function: Callable
    meaning: Callable
    width: int
    outputs: tuple[str, ...] = ONE
    names: bool = False
    final: bool = False
    doubt: str = ""


RECOGNISED = {
    "yolox": Head(yolox, mean_yolox, 5 + CLASSES, doubt="as those of YOLOX"),
    "yolox named": Head(yolox, mean_yolox, 5 + CLASSES, names=True, doubt="as those of YOLOX"),
    "yolox maps": Head(yolox_maps, mean_yolox, 5 + CLASSES, THREE, doubt="as those of YOLOX"),
    "yolox decoded": Head(yolox_decoded, mean_yolox, 5 + CLASSES),
    "yolov5 decoded": Head(yolov5_decoded, mean_yolov5, 3 * (5 + CLASSES)),
    "yolov5 decoded named": Head(yolov5_decoded, mean_yolov5, 3 * (5 + CLASSES), names=True),
    "yolov8": Head(yolov8, mean_steps, SPREAD),
    "yolov8 flat": Head(distributions, mean_steps, SPREAD, names=True),
    "yolov8 maps": Head(spread_maps, mean_steps, SPREAD, THREE, names=True),
    "yolov8 maps with Sigmoid": Head(squashed_maps, mean_steps, SPREAD, THREE),
    "yolov8 pairs": Head(
        spread_pairs, mean_steps, SPREAD, ("b0", "b1", "b2", "s0", "s1", "s2"), names=True
    ),
    "yolov10": Head(strongest, mean_steps, SPREAD, final=True),
    "masks": Head(with_more, mean_steps, SPREAD + EXTRA, doubt="6 more numbers"),
    "masks named": Head(with_more, mean_steps, SPREAD + EXTRA, names=True, doubt="6 more numbers"),
    "angles named": Head(
        with_more, mean_steps, SPREAD + ANGLE, names=True, doubt="if it is an angle"
    ),
    "angles": Head(with_more, mean_steps, SPREAD + ANGLE, doubt="if it is an angle"),
}
RECOGNISED |= {
    "yolov5 logits": Head(yolov5_logits, mean_yolov5, 3 * (5 + CLASSES), names=True),
    "yolov8 logits": Head(yolov8_logits, mean_steps, SPREAD, names=True),
}
UNDECODED = {
    "yolov5 maps": Head(anchored, mean_yolov5, 3 * (5 + CLASSES), THREE),
    "yolov5 channels": Head(spread_maps, mean_yolov5, 3 * (5 + CLASSES), THREE, names=True),
    "yolov5 squashed": Head(squashed(anchored), mean_yolov5, 3 * (5 + CLASSES), THREE),
    "yolov5 last": Head(first_cells_last, mean_yolov5, 3 * (5 + CLASSES), THREE),
    "yolov3 maps": Head(anchored, mean_yolov3, 3 * (5 + CLASSES), THREE),
    "sides": Head(sides_maps, mean_sides, 4 + CLASSES, THREE, names=True),
}


class _Wrapped(nn.Module):
    def __init__(self, head: Head) -> None:
        super().__init__()
        self.net, self.head, self.steps = net(head.width), head, STEPS

    def forward(self, x):
        found = self.head.function(self.net.maps(x))
        return tuple(found) if isinstance(found, list) else found


@functools.cache
def written(name: str, dynamo: bool = False) -> onnx.ModelProto:
    """Return the file of a head, by the exporter that traces or by that of `torch.export`."""
    head, file = (RECOGNISED | UNDECODED)[name], io.BytesIO()
    torch.onnx.export(
        _Wrapped(head), (torch.rand(1, 3, SIDE, SIDE),), file, dynamo=dynamo,
        input_names=["images"], output_names=list(head.outputs),
        **({} if dynamo else {"opset_version": 17}),
    )  # fmt: skip
    proto = onnx.load_from_string(file.getvalue())
    if head.names:
        helper.set_model_props(proto, {"names": NAMES})
    return proto


def meant(name: str, x: np.ndarray) -> Truth:
    """All candidates of one picture in float64, decoded from the raw numbers."""
    head = (RECOGNISED | UNDECODED)[name]
    of = net(head.width).double()
    with torch.no_grad():
        maps = of.maps(torch.from_numpy(x).double())
    of.float()
    return head.meaning(maps)


def check_boxes(model, name, photo, *, final=False):
    """Compare every box with what the authors' decoder and a slow suppression say."""
    picture = model.read(photo)
    found = model.predict(picture)
    rule = model.task.layout.suppression
    truth = meant(name, picture.x)
    every = {"every_class": final}
    kept = boxes_of(truth, rule.least, rule.overlap, 40 if final else rule.most, **every)
    assert len(kept) > 3
    assert found.found.labels.tolist() == [k for _, k, _ in kept]
    np.testing.assert_allclose(found.scores, [s for s, _, _ in kept], atol=1e-4)
    np.testing.assert_allclose(found.sides, [truth.sides[r] for _, _, r in kept], **NEAR)
