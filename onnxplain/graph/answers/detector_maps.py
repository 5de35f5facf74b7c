"""Detectors whose outputs are maps: several scales, or a heat map beside sizes and offsets."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from onnxplain.graph.answers.detector_rows import joined_lengths
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.graph.answers.trace import Tracer
from onnxplain.graph.image_input import ImageInput

Found = dict[str, str]
_STRIDES = (4, 8, 16, 32, 64, 128)
# Scales of usual detectors. Networks that segment at several scales have finer ones.
_SCALES = frozenset({(8, 16, 32), (16, 32), (8, 16, 32, 64), (8, 16, 32, 64, 128)})
_ANCHORS = 3
_LEAST = 6  # box, objectness and one class
# Distances of a box's sides as distributions over 16 steps, in front of the classes.
_DISTRIBUTED = 64
_BOX_CHANNELS = frozenset({4, 8, 12, 16, 24, 32, 36, 64})


@dataclass(frozen=True)
class _Map:
    name: str
    size: tuple[int, int]
    channels: int
    anchors: int | None = None


def maps(tracer: Tracer, image: ImageInput, outputs: Sequence[OutputShape], classes: int) -> Found:
    """Outputs that are maps at the scales of a detector."""
    known = [m for o in outputs if o.floating for m in [_as_map(image, o)] if m is not None]
    known = [m for m in known if not _is_softmax(tracer, m.name)]
    levels: dict[int, list[_Map]] = defaultdict(list)
    for item in known:
        stride = _stride(image, item.size)
        if stride is not None:
            levels[stride].append(item)
    strides = tuple(sorted(levels))
    if sum(len(level) for level in levels.values()) < len(known):
        return {}  # finer maps are no detector's
    return _single(tracer, levels, strides, classes) or _pairs(levels, strides) or _heat_map(known)


def _is_softmax(tracer: Tracer, name: str) -> bool:
    return all(p.kind in ("softmax", "log-softmax") for p in tracer.parts(name))


def _as_map(image: ImageInput, output: OutputShape) -> _Map | None:
    one = output.known
    if one is None or output.batch_axis is None:
        return None
    if len(one) == 3:
        first = _stride(image, one[1:]) is not None
        if first and (image.layout == "NCHW" or _stride(image, one[:2]) is None):
            return _Map(output.name, (one[1], one[2]), one[0])
        return _Map(output.name, (one[0], one[1]), one[2])
    if len(one) == 4:
        if _stride(image, one[1:3]) is not None:  # [N, A, h, w, 5 + K]
            return _Map(output.name, (one[1], one[2]), one[3], one[0])
        if _stride(image, one[2:]) is not None:  # [N, A, 5 + K, h, w]
            return _Map(output.name, (one[2], one[3]), one[1], one[0])
        if _stride(image, one[:2]) is not None:  # [N, h, w, A, 5 + K]
            return _Map(output.name, (one[0], one[1]), one[3], one[2])
    return None


def _stride(image: ImageInput, size: Sequence[int]) -> int | None:
    """How many pixels of the picture a cell of the map covers along each side."""
    for stride in _STRIDES:
        if all(math.ceil(n / stride) == m for n, m in zip(image.size, size, strict=True)):
            return stride
    return None


def _single(
    tracer: Tracer, levels: dict[int, list[_Map]], strides: tuple[int, ...], classes: int
) -> Found:
    if strides not in _SCALES or any(len(level) != 1 for level in levels.values()):
        return {}
    level = [levels[s][0] for s in strides]
    if len({(m.channels, m.anchors) for m in level}) != 1:
        return {}
    first = level[0]
    joined = joined_lengths(tracer.graph, tracer, first.name)
    count = first.channels
    if first.anchors is not None:
        fits = count >= _LEAST
        what = f"{first.anchors} boxes of {count} numbers"
    elif joined[:1] in ((4,), (_DISTRIBUTED,)):
        fits, what = True, f"{joined[0]} numbers of a box and {count - joined[0]} scores"
    elif classes:
        fits = count in (classes + 4, classes + 5, classes + _DISTRIBUTED) or (
            count == _ANCHORS * (classes + 5)
        )
        what = f"{count} numbers for {classes} names"
    else:
        fits = count % _ANCHORS == 0 and count >= _ANCHORS * _LEAST and len(strides) > 2
        fits = fits or (len(strides) == 2 and count % _ANCHORS == 0 and count >= 18)
        what = f"{_ANCHORS} boxes of {count // _ANCHORS} numbers"
    if not fits:
        return {}
    why = f"{len(strides)} maps of strides {'/'.join(map(str, strides))} with {what} at each place"
    return dict.fromkeys((m.name for m in level), why)


def _pairs(levels: dict[int, list[_Map]], strides: tuple[int, ...]) -> Found:
    """At each of several scales a map of boxes beside a map of scores."""
    if len(strides) < 2 or any(len(level) < 2 for level in levels.values()):
        return {}
    channels = [sorted(m.channels for m in level) for level in levels.values()]
    if any(c != channels[0] for c in channels) or not _BOX_CHANNELS & set(channels[0]):
        return {}
    why = f"boxes and scores as separate maps of strides {'/'.join(map(str, strides))}"
    return {m.name: why for level in levels.values() for m in level}


def _heat_map(known: Sequence[_Map]) -> Found:
    """A heat map of centres beside sizes and offsets, two numbers each."""
    for size in {m.size for m in known}:
        alike = [m for m in known if m.size == size]
        if sum(m.channels == 2 for m in alike) >= 2 and len(alike) >= 3:
            why = "a heat map beside sizes and offsets of boxes"
            return {m.name: why for m in alike}
    return {}
