"""Where numbers of candidates stand, as a person declares it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.graph.answers.boxes.cells import Cells
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.targets.boxes.columns import Columns

COLUMNS = frozenset({"tensor", "axis", "columns", "activation", "scale"})
_ACTIVATIONS = ("none", "sigmoid", "softmax")


def declared_columns(
    part: str, given: Mapping[str, Any], outputs: Sequence[OutputShape], cells: Cells | None
) -> tuple[Columns, Cells | None]:
    """Read which numbers are meant.

    Parameters
    ----------
    part : str
        What they are, for messages.
    given : mapping
        With the ``tensor``, or a list of one for each stride; the ``axis`` of the numbers (that of
        one picture, without the batch; null where each candidate has one number without an axis);
        the ``columns`` on it (first and one past the last, of one candidate), the
        ``activation`` that is still to be done (none, sigmoid, softmax) and a ``scale``.
    outputs : sequence of OutputShape
        All outputs of the file.
    cells : Cells, optional
        What the candidates stand on, if their boxes count from it.

    Returns
    -------
    columns : Columns
        The numbers.
    cells : Cells or None
        With the order in which the candidates of a cell stand.

    Raises
    ------
    UsageError
        If something is missing, unknown or of a wrong kind.
    """
    tensors = given.get("tensor")
    tensors = [tensors] if isinstance(tensors, str) else tensors
    known = {o.name: o for o in outputs}
    if not isinstance(tensors, list) or not tensors or not {*map(str, tensors)} <= set(known):
        raise UsageError(
            f"{part}: there is no output {given.get('tensor')!r}; outputs: {', '.join(known)}"
        )
    chosen = [known[t] for t in tensors]
    columns = _plain(part, given, tuple(tensors), chosen)
    if len({o.batch_axis for o in chosen}) != 1:
        raise UsageError(f"{part}: the outputs {tensors} have their batch on different axes")
    if columns.alone or (cells is None and any(o.known is None for o in chosen)):
        return columns, cells
    _require_there(part, columns, chosen)
    if cells is None:
        return _closed(columns, chosen), None
    columns, cells = _on_cells(part, columns, chosen, cells)
    return _closed(columns, chosen), cells


def _plain(
    part: str, given: Mapping[str, Any], tensors: tuple[str, ...], chosen: list[OutputShape]
) -> Columns:
    axis, pair = given.get("axis", -1), given.get("columns", [0, None])
    squash, scale = given.get("activation", "none"), given.get("scale", 1.0)
    fits = isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is int and pair[0] >= 0
    fits = fits and (pair[1] is None or (type(pair[1]) is int and pair[1] > pair[0]))
    alone = axis is None and part != "boxes"
    if not fits or not (alone or type(axis) is int) or squash not in _ACTIVATIONS:
        raise UsageError(
            f"{part}: write 'axis' as an integer, 'columns' as [first, one past the last] and "
            f"'activation' as one of {', '.join(_ACTIVATIONS)}"
        )
    if type(scale) not in (int, float) or not 0 < scale < float("inf"):
        raise UsageError(f"{part}: scale {scale!r} is not a number above 0")
    return Columns(
        tensors, 0 if alone else axis, pair[0], pair[1], 1, chosen[0].batch_axis, squash,
        float(scale), alone,
    )  # fmt: skip


def _require_there(part: str, columns: Columns, chosen: list[OutputShape]) -> None:
    """Require that the axis is there and holds the columns."""
    for output in chosen:
        one = output.known or ()
        if not -len(one) <= columns.axis < len(one):
            raise UsageError(
                f"{part}: output {output.name!r} of shape {list(one)} has no axis {columns.axis}"
            )
        length = one[columns.axis]
        if (columns.stop or columns.first + 1) > length:
            raise UsageError(
                f"{part}: axis {columns.axis} of output {output.name!r} has length {length}; "
                f"columns {[columns.first, columns.stop]} do not exist"
            )


def _on_cells(
    part: str, columns: Columns, chosen: list[OutputShape], cells: Cells
) -> tuple[Columns, Cells]:
    """Find in which order the candidates of the cells stand."""
    scales = range(len(cells.strides))
    counts = [cells.count(k) for k in scales]
    places = [_places(o, columns.axis) for o in chosen]
    if len(chosen) == 1 and math.prod(places[0]) == sum(counts):
        return columns, cells
    at_places = [math.prod(cells.sizes[k]) for k in scales]
    found = [math.prod(p) for p in places]
    if found == counts:
        inner = [p == (*cells.sizes[k], cells.each(k)) for k, p in enumerate(places)]
        return columns, replace(cells, innermost=cells.each(0) > 1 and all(inner))
    lengths = [(o.known or ())[columns.axis] for o in chosen]
    each = cells.each(0)
    last = columns.stop or columns.first + 1
    if found == at_places and not any(n % each or last > n // each for n in lengths):
        return replace(columns, groups=each), cells
    raise UsageError(
        f"{part}: strides {list(cells.strides)} have {' + '.join(map(str, counts))} candidates, "
        f"but the outputs have {' + '.join(map(str, found))} places with "
        f"{', '.join(map(str, dict.fromkeys(lengths)))} numbers"
    )


def _places(output: OutputShape, axis: int) -> tuple[int, ...]:
    one = output.known or ()
    return tuple(n for k, n in enumerate(one) if k != axis % len(one))


def _closed(columns: Columns, chosen: list[OutputShape]) -> Columns:
    """Say where the columns end, if that was left open."""
    if columns.stop is not None:
        return columns
    one = chosen[0].known or ()
    return replace(columns, stop=one[columns.axis] // columns.groups)
