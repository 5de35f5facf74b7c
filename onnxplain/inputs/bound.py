"""Values of the inputs that are not explained: given as arrays, numbers or files."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.graph.channel_evidence import channel_evidence
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.view import Graph, TensorInfo
from onnxplain.inputs.array_file import SUFFIX, read_array

# An array, a number, or the text of one or of the path of a .npy file.
BoundValue = NDArray[Any] | float | str | Path
_WORDS = {"true": 1, "false": 0}


def bind_inputs(
    graph: Graph, image: ImageInput, given: Mapping[str, BoundValue]
) -> tuple[dict[str, NDArray[Any]], ImageInput]:
    """Fit values to the inputs that they are for.

    Parameters
    ----------
    graph : Graph
        The graph.
    image : ImageInput
        The explained input.
    given : mapping of str to array, number, path or text
        A value for every other input. A number fills the declared shape.

    Returns
    -------
    dict of str to array
        Of the declared shapes and element types.
    ImageInput
        The same; one picture at a time if a bound input has an axis for the batch, since a
        value stands for one picture.

    Raises
    ------
    UsageError
        If an input lacks a value, a name is unknown, or a value does not fit.
    """
    missing = [n for n in image.others if n not in given]
    unknown = [n for n in given if n not in image.others]
    said = []
    if missing:
        said.append(
            f"inputs {missing} need a value (--bind NAME=FILE{SUFFIX} or NAME=NUMBER, in Python "
            "bound={NAME: array}), or choose another input with --input"
        )
    if unknown:
        said.append(f"no input is named {unknown}; inputs to bind: {list(image.others)}")
    if said:
        raise UsageError(f"the model explains input {image.name!r}; {'; '.join(said)}")
    infos = {i.name: i for i in graph.inputs}
    # Every value stands for one picture.
    if image.batch is None and any(_has_batch(infos[n], infos[image.name]) for n in given):
        image = replace(image, batch=1)
    known = _known_axes(infos[image.name], image)
    values = {}
    for name, value in given.items():
        lengths = _lengths(graph, infos[name], known)
        values[name] = _fitted(infos[name], read_bound(name, value), lengths)
    return values, image


def read_bound(name: str, value: BoundValue) -> NDArray[Any]:
    """Return a bound value as an array: the array of a file, or a number without axes.

    Raises
    ------
    UsageError
        If it is neither a number nor an array nor a ``.npy`` file that can be read.
    """
    if isinstance(value, np.ndarray):
        found = value
    elif isinstance(value, (str, Path)):
        number = None if isinstance(value, Path) else _number(value)
        found = _from_file(name, value) if number is None else np.array(number)
    else:
        found = np.asarray(value)
    if found.dtype.kind not in "biuf" and not _is_short_float(found.dtype):
        raise UsageError(f"input {name!r} is bound to {found.dtype} values; numbers are needed")
    if found.ndim == 0 and not np.isfinite(found.astype(np.float64)):
        raise UsageError(f"input {name!r} is bound to {found}; a finite number is needed")
    return found


def describe_bound(bound: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Type, shape and digest of each bound value for a record, and the number if it is one."""
    return {
        name: {
            "dtype": values.dtype.name,
            "shape": list(values.shape),
            "sha256": hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest(),
            **_uniform(values),
        }
        for name, values in sorted(bound.items())
    }


def _uniform(values: NDArray[Any]) -> dict[str, float]:
    if not values.size or (values != values.flat[0]).any():
        return {}
    number = float(values.flat[0])
    return {"value": number} if math.isfinite(number) else {}


def _number(text: str) -> float | int | None:
    if text.strip().lower() in _WORDS:
        return _WORDS[text.strip().lower()]
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return None


def _from_file(name: str, path: str | Path) -> NDArray[Any]:
    if Path(path).suffix.lower() != SUFFIX:
        raise UsageError(
            f"input {name!r} cannot be bound to {str(path)!r}: give a number or a {SUFFIX} file"
        )
    try:
        return read_array(path)
    except ValueError as error:
        raise UsageError(f"input {name!r} cannot be bound to {str(path)!r}: {error}") from error


def _has_batch(info: TensorInfo, picture: TensorInfo) -> bool:
    """Whether the first axis of an input grows with the number of pictures."""
    if not info.shape or info.lengths[0] is not None:
        return False
    first = (picture.shape or (None,))[0]
    # Axes without a name might all be the batch; two names are two lengths.
    return info.shape[0] is None or first is None or info.shape[0] == first


def _known_axes(info: TensorInfo, image: ImageInput) -> dict[str, int]:
    """Lengths of the axes that the explained input gives a name."""
    lengths = (image.batch or 1, *image.shape[1:])
    return {n: d for n, d in zip(info.shape or (), lengths, strict=True) if isinstance(n, str)}


def _lengths(graph: Graph, info: TensorInfo, known: Mapping[str, int]) -> list[int | None]:
    """Length of each axis, as far as the file, the picture or an operator tells it."""
    lengths = [
        known.get(str(name)) if length is None else length
        for name, length in zip(info.shape or (), info.lengths, strict=True)
    ]
    evidence = channel_evidence(graph, info.name, info.lengths)
    if evidence is not None and lengths[evidence.axis] is None:
        lengths[evidence.axis] = evidence.channels
    return lengths


def _fitted(info: TensorInfo, values: NDArray[Any], lengths: Sequence[int | None]) -> NDArray[Any]:
    """A value of the declared shape and element type."""
    typed = _as_type(info, values)
    if info.shape is None:
        return typed
    if typed.ndim == 0:
        if info.shape and info.shape[0] is None and lengths[0] is None:
            lengths = [1, *lengths[1:]]  # most likely the batch: one picture at a time
        full = [n for n in lengths if n is not None]
        if len(full) < len(lengths):
            raise UsageError(
                f"input {info.name!r} has the shape {_text(info.shape)}: a number does not say how "
                f"long its open axes are; bind it to a {SUFFIX} file"
            )
        return np.full(full, typed)
    # One value for all pictures of a fixed batch.
    if typed.ndim == len(lengths) and len(typed) == 1 and lengths[0] not in (None, 1):
        typed = np.repeat(typed, int(lengths[0] or 1), axis=0)
    fits = typed.ndim == len(lengths) and all(
        n in (None, d) for n, d in zip(lengths, typed.shape, strict=True)
    )
    if not fits:
        raise UsageError(
            f"input {info.name!r} takes the shape {_text(lengths)}, but is bound to {typed.shape}"
        )
    return typed


def _text(shape: Sequence[int | str | None]) -> str:
    return f"[{', '.join('any' if d is None else str(d) for d in shape)}]"


def _as_type(info: TensorInfo, values: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in the declared element type."""
    wanted = info.dtype
    if values.dtype == wanted:
        return values
    if wanted.kind not in "biuf" and not _is_short_float(wanted):
        raise UsageError(f"input {info.name!r} takes {wanted}; it cannot be bound to numbers")
    with np.errstate(all="ignore"):
        cast = values.astype(wanted)
    floating = wanted.kind == "f" or _is_short_float(wanted)
    same = floating or np.array_equal(cast.astype(np.float64), values.astype(np.float64))
    if not same or (floating and not _keeps_finite(values, cast)):
        raise UsageError(
            f"input {info.name!r} takes {wanted}, which cannot hold the {values.dtype} values "
            "it is bound to"
        )
    return cast


def _keeps_finite(values: NDArray[Any], cast: NDArray[Any]) -> bool:
    finite = np.isfinite(values.astype(np.float64))
    return bool((np.isfinite(cast.astype(np.float64)) == finite).all())


def _is_short_float(dtype: np.dtype[Any]) -> bool:
    """Whether it is one of the element types that NumPy knows from ml_dtypes only."""
    return dtype.name.startswith(("bfloat16", "float8"))
