"""Numbers of a detector's candidates, and the sides of its boxes, in nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError
from onnxplain.export.targets.explained import Pass, write_wide
from onnxplain.targets.boxes.codes import FROM_MIDDLES, BoxCode
from onnxplain.targets.boxes.columns import Columns

# Suppression compares with thresholds that are double precision in `explain`.
REAL = np.dtype(np.float64)


def number(at: Pass, value: float | NDArray[np.float64]) -> str:
    """Return the name of constant numbers."""
    return at.build.constant(np.asarray(value, REAL))


def write_columns(at: Pass, columns: Columns) -> str:
    """Write numbers of all candidates, (N, n, P)."""
    found = _squashed(at, columns, _raw(at, columns))
    if columns.scale != 1.0:
        found = at.build.add("Mul", found, number(at, columns.scale))
    return found


def write_column_slopes(at: Pass, columns: Columns, weights: str) -> dict[str, str]:
    """Write derivatives of a weighted sum of the numbers, (N, n, P), at their tensors."""
    build = at.build
    if columns.scale != 1.0:
        weights = build.add("Mul", weights, number(at, columns.scale))
    if columns.squash != "none":
        scores = _squashed(at, columns, _raw(at, columns))
        if columns.squash == "sigmoid":
            rest = build.add("Sub", number(at, 1.0), scores)
            weights = build.add("Mul", build.add("Mul", weights, scores), rest)
        else:
            mean = build.reduce("ReduceSum", build.add("Mul", weights, scores), [1])
            weights = build.add("Mul", scores, build.add("Sub", weights, mean))
    found: dict[str, str] = {}
    start = build.integers(0)
    for tensor in columns.tensors:
        rows, whole = _rows(at, columns, tensor)
        count = build.add("Slice", build.add("Shape", rows), *map(build.integers, (2, 3, 0)))
        stop = build.add("Add", start, count)
        part = build.add("Slice", weights, start, stop, build.integers(2))
        start = stop
        slopes = _unfold(at, columns, tensor, part, whole)
        found[tensor] = write_wide(at, tensor, slopes)
    return found


def write_sides(at: Pass, code: BoxCode, raw: str) -> tuple[str, str, str, str]:
    """Write left, top, right and bottom, each (N, 1, P), from a box's numbers (N, n, P)."""
    build = at.build

    def add(a: str, b: str) -> str:
        return build.add("Add", a, b)

    def sub(a: str, b: str) -> str:
        return build.add("Sub", a, b)

    def mul(a: str, b: str | float | NDArray[np.float64]) -> str:
        return build.add("Mul", a, b if isinstance(b, str) else number(at, b))

    def around(x: str, y: str, width: str, height: str) -> tuple[str, str, str, str]:
        across, down = mul(width, 0.5), mul(height, 0.5)
        return sub(x, across), sub(y, down), add(x, across), add(y, down)

    if code.form == "dfl":
        raw = _means(at, raw)
    a, b, c, d = build.many("Split", [raw, build.integers(1, 1, 1, 1)], 4, axis=1)
    sides = a, b, c, d
    if code.form == "yxyx":
        sides = b, a, d, c
    elif code.form == "xywh":
        sides = a, b, add(a, c), add(b, d)
    elif code.form == "cxcywh":
        sides = around(a, b, c, d)
    elif not code.is_plain:
        assert code.points is not None
        assert code.strides is not None
        x, y = (number(at, p) for p in code.points)
        cell = code.strides
        if code.form in FROM_MIDDLES:
            a, b, c, d = (mul(n, cell) for n in (a, b, c, d))
            sides = sub(x, a), sub(y, b), add(x, c), add(y, d)
        elif code.form == "yolox":
            wide, high = (mul(build.add("Exp", n), cell) for n in (c, d))
            sides = around(add(x, mul(a, cell)), add(y, mul(b, cell)), wide, high)
        else:
            assert code.anchors is not None
            if code.form == "yolov3":
                a, b = (build.add("Sigmoid", n) for n in (a, b))
                c, d = (build.add("Exp", n) for n in (c, d))
            else:
                a, b = (sub(mul(n, 2.0), number(at, 0.5)) for n in (a, b))
                c, d = (mul(mul(n, n), 4.0) for n in (c, d))
            wide, high = (mul(n, s) for n, s in zip((c, d), code.anchors, strict=True))
            sides = around(add(x, mul(a, cell)), add(y, mul(b, cell)), wide, high)
    across, down = code.unit
    left, top, right, bottom = sides
    return mul(left, across), mul(top, down), mul(right, across), mul(bottom, down)


def _means(at: Pass, raw: str) -> str:
    """Write the means of four distributions over 0, 1, ..., of which the scores are given."""
    build = at.build
    bins = build.add("Reshape", raw, build.add("Concat", *_bins(at, raw), axis=0))
    shares = build.add("Softmax", bins, axis=2)
    length = build.add("Squeeze", _length(at, bins, 2), build.integers(0))
    steps = build.add("Range", build.integer(0), length, build.integer(1))
    steps = build.add("Reshape", build.add("Cast", steps, to=11), build.integers(-1, 1))
    return build.reduce("ReduceSum", build.add("Mul", shares, steps), [2], keep=False)


def _bins(at: Pass, raw: str) -> tuple[str, ...]:
    """The shape (N, 4, bins, P)."""
    each = at.build.add("Div", _length(at, raw, 1), at.build.integers(4))
    return _length(at, raw, 0), at.build.integers(4), each, _length(at, raw, 2)


def _length(at: Pass, x: str, axis: int) -> str:
    shape = at.build.add("Shape", x)
    return at.build.add("Slice", shape, *map(at.build.integers, (axis, axis + 1, 0)))


def _raw(at: Pass, columns: Columns) -> str:
    """Write the numbers before they are squashed, (N, n, P)."""
    build = at.build
    parts = [_rows(at, columns, t)[0] for t in columns.tensors]
    raw = parts[0] if len(parts) == 1 else build.add("Concat", *parts, axis=2)
    if columns.first or columns.stop is not None:
        stop = 2**62 if columns.stop is None else columns.stop
        raw = build.add("Slice", raw, *map(build.integers, (columns.first, stop, 1)))
    return raw


def _squashed(at: Pass, columns: Columns, raw: str) -> str:
    if columns.squash == "sigmoid":
        return at.build.add("Sigmoid", raw)
    return at.build.add("Softmax", raw, axis=1) if columns.squash == "softmax" else raw


def _rows(at: Pass, columns: Columns, tensor: str) -> tuple[str, str]:
    """Write one tensor as (N, all numbers, P), and with the numbers on axis 1; see `Columns`."""
    build = at.build
    value = build.add("Cast", at.tensor(tensor), to=11)
    if columns.batch_axis is None:
        value = build.add("Unsqueeze", value, build.integers(0))
    elif columns.batch_axis:
        value = build.add("Transpose", value, perm=_to_front(at, columns, tensor))
    if columns.alone:
        return build.add("Reshape", value, build.integers(0, 1, -1)), value
    order = _numbers_first(at, columns, tensor)
    moved = build.add("Transpose", value, perm=order)
    width = _width(at, columns, tensor)
    split = build.integers(0, columns.groups, width // columns.groups, -1)
    turned = build.add("Transpose", build.add("Reshape", moved, split), perm=[0, 2, 1, 3])
    return build.add("Reshape", turned, build.integers(0, width // columns.groups, -1)), moved


def _unfold(at: Pass, columns: Columns, tensor: str, part: str, whole: str) -> str:
    """Put (N, n, P) back into the shape of a tensor: what `_rows` did, undone."""
    build = at.build
    value = part
    if not columns.alone:
        width, groups = _width(at, columns, tensor), columns.groups
        each = width // groups
        stop = each if columns.stop is None else min(columns.stop, each)
        pads = build.integers(0, columns.first, 0, 0, each - stop, 0)
        value = build.add("Pad", value, pads, number(at, 0.0))
        value = build.add("Reshape", value, build.integers(0, each, groups, -1))
        value = build.add("Transpose", value, perm=[0, 2, 1, 3])
        value = build.add("Reshape", value, build.add("Shape", whole))
        order = _numbers_first(at, columns, tensor)
        value = build.add("Transpose", value, perm=[order.index(k) for k in range(len(order))])
    if columns.batch_axis:
        order = _to_front(at, columns, tensor)
        value = build.add("Transpose", value, perm=[order.index(k) for k in range(len(order))])
    return build.add("Reshape", value, build.add("Shape", at.tensor(tensor)))


def _rank(at: Pass, columns: Columns, tensor: str) -> int:
    """Number of axes where inputs stand first."""
    return len(at.facts.shapes[tensor]) + (columns.batch_axis is None)


def _to_front(at: Pass, columns: Columns, tensor: str) -> list[int]:
    rank, axis = _rank(at, columns, tensor), columns.batch_axis or 0
    return [axis, *(k for k in range(rank) if k != axis)]


def _axis(at: Pass, columns: Columns, tensor: str) -> int:
    rank = _rank(at, columns, tensor)
    return columns.axis + 1 if columns.axis >= 0 else columns.axis + rank


def _numbers_first(at: Pass, columns: Columns, tensor: str) -> list[int]:
    rank, axis = _rank(at, columns, tensor), _axis(at, columns, tensor)
    return [0, axis, *(k for k in range(1, rank) if k != axis)]


def _width(at: Pass, columns: Columns, tensor: str) -> int:
    """How many numbers stand on the axis of numbers."""
    shape = list(at.facts.shapes[tensor])
    if columns.batch_axis is None:
        shape.insert(0, 1)
    elif columns.batch_axis:
        shape.insert(0, shape.pop(columns.batch_axis))
    found = shape[_axis(at, columns, tensor)]
    if found is None:
        raise MethodRefusedError(
            f"how many numbers a box has in tensor {tensor!r} depends on the picture; `explain` "
            "runs it in PyTorch"
        )
    return found
