"""What must be true of a saved explanation before anything is made of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from onnxplain.targets.classes import ClassScore, Kind

_DISPLAYS = ("signed", "positive", "magnitude")
# Of records that this package writes, the deepest have six.
_DEEPEST = 40
_LARGEST_SIDE = 1 << 20
_NUMBERS = (int, float)
_TYPES: Mapping[str, tuple[type, ...]] = {
    "method": (str,),
    "unit": (str,),
    "parameters": (dict,),
    "labels": (dict,),
    "measures": (dict,),
    "notes": (dict,),
    "provenance": (dict,),
    "layer": (str, type(None)),
    "score": (*_NUMBERS, type(None)),
    "seconds": (*_NUMBERS, type(None)),
}
_NAMED = ("model", "input", "input_sha256")


def check_record(record: Mapping[str, Any]) -> None:
    """Check the plain data of a saved explanation.

    Raises
    ------
    ValueError
        That says which key is wrong.
    """
    if _depth(record) > _DEEPEST:
        raise ValueError(f"it holds lists within each other, more than {_DEEPEST} deep")
    for key, allowed in _TYPES.items():
        if not _is(record[key], allowed):
            raise ValueError(f"{key!r} in it is {_said(record[key])}")
    if record["display"] not in _DISPLAYS:
        raise ValueError(f"'display' in it is {_said(record['display'])}")
    axes = record["axes"]
    if not isinstance(axes, list) or sorted(map(str, axes)) not in (["H", "W"], ["C", "H", "W"]):
        raise ValueError(f"'axes' in it are {_said(axes)}")
    for key, value in record["measures"].items():
        if not _is(value, (*_NUMBERS, type(None))):
            raise ValueError(f"measure {_said(key)} in it is {_said(value)}")
    for key in _NAMED:
        if not _is(record["provenance"].get(key), (str, type(None))):
            raise ValueError(f"{key!r} in its provenance is not a text")
    if not all(isinstance(n, str) for n in record["labels"].values()):
        raise ValueError("'labels' in it are not texts")
    ended = record["notes"].get("sampling_ended", [])
    if not isinstance(ended, list) or not all(isinstance(e, str) for e in ended):
        raise ValueError(f"'sampling_ended' in its notes is {_said(ended)}")
    for key in ("window", "stride"):
        if not _is_size(record["parameters"].get(key, 1)):
            raise ValueError(f"{key!r} in its parameters is {_said(record['parameters'][key])}")
    for number in _numbers(record):
        if isinstance(number, int) and number.bit_length() > 64:
            raise ValueError("it holds a whole number of more than 64 bits")


def check_arrays(
    attribution: NDArray[Any],
    scores: NDArray[Any],
    pixels: NDArray[Any],
    maps: Mapping[str, NDArray[Any]],
    axes: tuple[str, ...],
) -> None:
    """Check the arrays of a saved explanation.

    Raises
    ------
    ValueError
        That says which array is wrong.
    """
    _check(attribution, "attribution", attribution.ndim == len(axes), "f")
    _check(scores, "scores", scores.ndim == 1, "fiu", may_be_empty=True)
    _check(pixels, "pixels", pixels.ndim == 3 and pixels.shape[2] in (1, 3), "u")
    for name, values in maps.items():
        _check(values, f"map {_said(name)}", values.ndim <= 4, "fiub", may_be_empty=True)


def check_target(target: object, scores: NDArray[Any]) -> None:
    """Check the target of a saved explanation, beside its scores.

    Raises
    ------
    ValueError
        If a class is told by something else than numbers and texts, or has no score.
    """
    if not isinstance(target, ClassScore):
        return
    whole: list[object] = [target.index, target.classes, target.axis, *target.position]
    whole += [] if target.contrast is None else [target.contrast]
    texts = (target.tensor, target.name, target.region, target.activation)
    if not (
        all(_is(v, (int,)) for v in whole)
        and all(isinstance(t, str) for t in texts)
        and all(isinstance(v, bool) for v in (target.margin, target.negative))
        and target.kind in get_args(Kind)
        and target.reading is None
        and target.weights is None
    ):
        raise ValueError("its target is not a class")
    # Values that are no classes have no scores at all.
    if scores.size and not 0 <= target.index < scores.size:
        raise ValueError(f"its target is class {target.index} of {scores.size} scores")


def _check(
    values: NDArray[Any], what: str, fits: bool, kinds: str, *, may_be_empty: bool = False
) -> None:
    if not fits or values.dtype.kind not in kinds or (what == "pixels" and values.itemsize > 1):
        raise ValueError(f"{what} in it: {values.dtype} of shape {values.shape}")
    if (not values.size and not may_be_empty) or max(values.shape, default=0) > _LARGEST_SIDE:
        raise ValueError(f"{what} in it: shape {values.shape}")


def _is(value: object, allowed: tuple[type, ...]) -> bool:
    """Whether a value is of some types; true and false are no numbers."""
    return isinstance(value, allowed) and (not isinstance(value, bool) or bool in allowed)


def _is_size(value: object) -> bool:
    pair = value if isinstance(value, list) else [value, value]
    return len(pair) == 2 and all(v in (None, "auto") or _is_finite(v) for v in pair)


def _is_finite(value: object) -> bool:
    return (
        isinstance(value, _NUMBERS) and not isinstance(value, bool) and math.isfinite(float(value))
    )


def _depth(data: object) -> int:
    """How deep lists and objects stand within each other; ends soon after `_DEEPEST`."""
    level, depth = [data], 0
    while level and depth <= _DEEPEST:
        depth += 1
        held = [v for v in level if isinstance(v, (dict, list))]
        level = [w for v in held for w in (v.values() if isinstance(v, dict) else v)]
    return depth


def _numbers(data: object) -> Iterator[object]:
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, (dict, list)):
            waiting += value.values() if isinstance(value, dict) else value
        elif isinstance(value, _NUMBERS):
            yield value


def _said(value: object) -> str:
    return repr(value)[:60] if not isinstance(value, np.ndarray) else "an array"
