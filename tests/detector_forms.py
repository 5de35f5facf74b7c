"""One small detector, written to files in the forms that exporters give it."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import helper
from torch import nn

SIDE, CLASSES = 64, 3
STRIDES = (8, 16, 32)
NAMES = "{0: 'cat', 1: 'dog', 2: 'car'}"


class Detector(nn.Module):
    """Three scales; of every cell the distances to four sides, an objectness and class logits."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(*self._step(3, 8), *self._step(8, 12), *self._step(12, 16))
        self.second, self.third = (nn.Sequential(*self._step(16, 16)) for _ in range(2))
        self.heads = nn.ModuleList(nn.Conv2d(16, 5 + CLASSES, 1) for _ in STRIDES)
        self.background = nn.Parameter(torch.tensor(2.0), requires_grad=False)

    @staticmethod
    def _step(before: int, after: int) -> tuple[nn.Module, nn.Module]:
        return nn.Conv2d(before, after, 3, 2, 1), nn.ReLU()

    def maps(self, x):
        """Distances in cells, objectness and class logits of each scale, with its cells."""
        features = [self.first(x)]
        features += [self.second(features[-1])]
        features += [self.third(features[-1])]
        for feature, head, stride in zip(features, self.heads, STRIDES, strict=True):
            found = head(feature)
            side = SIDE // stride
            y, x_ = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
            yield found[:, :4], found[:, 4:5], found[:, 5:], (x_ + 0.5, y + 0.5, stride)

    def candidates(self, x):
        """Left, top, right, bottom (N, 4, P), objectness (N, 1, P), class logits (N, K, P)."""
        sides, objects, logits = [], [], []
        for raw, objectness, classes, (cx, cy, stride) in self.maps(x):
            left, top, right, bottom = (
                (nn.functional.softplus(raw[:, k]) + 0.3) * stride for k in range(4)
            )
            x0, y0 = cx * stride - left, cy * stride - top
            x1, y1 = cx * stride + right, cy * stride + bottom
            sides.append(torch.stack([x0, y0, x1, y1], 1).flatten(2))
            objects.append(objectness.flatten(2))
            logits.append(classes.flatten(2))
        return (torch.cat(part, 2) for part in (sides, objects, logits))


def _centred(sides):
    x0, y0, x1, y1 = sides.unbind(1)
    return torch.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], 1)


def _v8(net, x):
    sides, _, logits = net.candidates(x)
    return torch.cat([_centred(sides), logits.sigmoid()], 1)


def _v5(net, x):
    sides, objects, logits = net.candidates(x)
    found = [_centred(sides), objects.sigmoid(), logits.sigmoid()]
    return torch.cat(found, 1).transpose(1, 2)


def _apart(net, x):
    """Boxes as shares of the picture, and a Softmax with the background in front."""
    sides, _, logits = net.candidates(x)
    empty = net.background + logits[:, :1] * 0
    scores = torch.cat([empty, logits], 1).transpose(1, 2).softmax(2)
    return sides.transpose(1, 2) / SIDE, scores


def _detr(net, x):
    """Logits with the background at the end, and centres and sizes as shares."""
    sides, _, logits = net.candidates(x)
    empty = net.background + logits[:, :1] * 0
    return torch.cat([logits, empty], 1).transpose(1, 2), _centred(sides).transpose(1, 2) / SIDE


def _strongest(net, x, count=20):
    sides, _, logits = net.candidates(x)
    best, labels = logits.sigmoid().max(1)
    scores, rows = best.topk(count, 1)
    boxes = torch.gather(sides.transpose(1, 2), 1, rows[..., None].expand(-1, -1, 4))
    return boxes, scores, torch.gather(labels, 1, rows)


def _end_to_end(net, x):
    boxes, scores, labels = _strongest(net, x)
    return torch.cat([boxes, scores[..., None], labels[..., None].to(boxes.dtype)], 2)


def _triple(net, x):
    return _strongest(net, x)


def _tensorflow(net, x):
    boxes, scores, labels = _strongest(net, x)
    turned = boxes[..., [1, 0, 3, 2]] / SIDE
    return turned, labels.to(boxes.dtype), scores, torch.full((len(boxes),), 20.0)


@dataclass(frozen=True)
class Form:
    """A form of file: what it computes, the names of its outputs, and how it ranks boxes."""

    function: object
    outputs: tuple[str, ...]
    kind: str = "sigmoid"
    names: bool = True
    final: bool = False


FORMS = {
    "v8": Form(_v8, ("output0",)),
    "v5": Form(_v5, ("output",), "objectness"),
    "ssd": Form(_apart, ("boxes", "scores"), "softmax"),
    "detr": Form(_detr, ("logits", "pred_boxes"), "softmax"),
    "end-to-end": Form(_end_to_end, ("output0",), final=True),
    "triple": Form(_triple, ("boxes", "scores", "labels"), final=True),
    "tensorflow": Form(
        _tensorflow,
        ("detection_boxes", "detection_classes", "detection_scores", "num_detections"),
        final=True,
    ),
    "suppression": Form(None, ("chosen",)),
}


@functools.cache
def network() -> Detector:
    """The detector, whose scores differ from cell to cell."""
    torch.manual_seed(1)
    net = Detector().eval()
    for head in net.heads:
        head.weight.data[4:] *= 150
        head.bias.data[4:] = 0
    return net


class _Wrapped(nn.Module):
    def __init__(self, net, function) -> None:
        super().__init__()
        self.net, self.function = net, function

    def forward(self, x):
        return self.function(self.net, x)


@functools.cache
def written(name: str) -> onnx.ModelProto:
    """Return the file of a form."""
    form = FORMS[name]
    if name == "suppression":
        return _with_suppression()
    file = io.BytesIO()
    outputs = list(form.outputs)
    torch.onnx.export(
        _Wrapped(network(), form.function), (torch.rand(1, 3, SIDE, SIDE),), file, dynamo=False,
        opset_version=17, input_names=["images"], output_names=outputs,
        dynamic_axes={n: {0: "batch"} for n in ("images", *outputs)},
    )  # fmt: skip
    proto = onnx.load_from_string(file.getvalue())
    if form.names:
        helper.set_model_props(proto, {"names": NAMES})
    return proto


def _with_suppression() -> onnx.ModelProto:
    """Candidates, then NonMaxSuppression, whose indices alone come out."""

    def candidates(net, x):
        sides, _, logits = net.candidates(x)
        return sides.transpose(1, 2)[..., [1, 0, 3, 2]], logits.sigmoid()

    file = io.BytesIO()
    torch.onnx.export(
        _Wrapped(network(), candidates), (torch.rand(1, 3, SIDE, SIDE),), file, dynamo=False,
        opset_version=17, input_names=["images"], output_names=["all_boxes", "all_scores"],
    )  # fmt: skip
    proto = onnx.load_from_string(file.getvalue())
    for value, name in ((100, "most"), (0.5, "overlap"), (0.3, "least")):
        array = np.array([value], np.int64 if name == "most" else np.float32)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    given = ["all_boxes", "all_scores", "most", "overlap", "least"]
    proto.graph.node.append(helper.make_node("NonMaxSuppression", given, ["picked"]))
    proto.graph.node.append(helper.make_node("Identity", ["picked"], ["chosen"]))
    del proto.graph.output[:]
    proto.graph.output.append(
        helper.make_tensor_value_info("chosen", onnx.TensorProto.INT64, ["M", 3])
    )
    helper.set_model_props(proto, {"names": NAMES})
    return proto


@dataclass(frozen=True)
class Truth:
    """All candidates of one picture in float64: sides (P, 4), scores (P, K)."""

    sides: np.ndarray
    scores: np.ndarray
    logits: np.ndarray


def truth(x: np.ndarray, kind: str) -> Truth:
    """What the detector means, straight from its own numbers."""
    net = network().double()
    with torch.no_grad():
        sides, objects, logits = net.candidates(torch.from_numpy(x).double())
    network().float()
    classes = torch.sigmoid(logits)
    if kind == "objectness":
        classes = classes * torch.sigmoid(objects)
    if kind == "softmax":
        empty = torch.full_like(logits[:, :1], 2.0)
        classes = torch.softmax(torch.cat([empty, logits], 1), 1)[:, 1:]
    return Truth(sides[0].T.numpy(), classes[0].T.numpy(), logits[0].T.numpy())


def boxes_of(
    found: Truth, least: float, overlap: float | None, most: int, *, every_class: bool = False
) -> list[tuple]:
    """Boxes by a slow suppression of each class, the strongest first."""
    kept: list[tuple] = []
    best = [
        (s[label], label, k)
        for k, s in enumerate(found.scores)
        for label in (range(len(s)) if every_class else [int(s.argmax())])
    ]
    ranked = sorted(best, key=lambda r: -r[0])
    for score, label, row in ranked:
        if score < least or len(kept) == most:
            continue
        box = found.sides[row]
        if overlap is not None and any(
            other == label and slow_iou(found.sides[k], box) > overlap for _, other, k in kept
        ):
            continue
        kept.append((score, label, row))
    return kept


def slow_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return wide * high / (sum(areas) - wide * high)
