"""What ONNX Runtime says when it gives up, and whose fault it is: file, picture or bound input."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from onnxplain.adapters.base import Array
from onnxplain.errors import ImageError, OnnxplainError, UnsupportedModelError, UsageError
from onnxplain.graph.image_input import ImageInput

_NUMPY_NAMES = {"float": "float32", "double": "float64"}
_NOISE = 100


def whose_fault(
    reason: str,
    session: Any,
    run: Callable[[Mapping[str, Array]], object],
    image: ImageInput,
    batch: Array,
    bound: Mapping[str, Array],
) -> OnnxplainError:
    """Tell it from whether ONNX Runtime runs the model on plain pictures of its own shape.

    Parameters
    ----------
    reason : str
        What ONNX Runtime said.
    session : onnxruntime.InferenceSession
        What was run; it knows its inputs.
    run : callable
        Runs it on feeds by name.
    image : ImageInput
        The input that varies.
    batch : array
        Its values.
    bound : mapping of str to array
        Values of all other inputs.

    Returns
    -------
    OnnxplainError
        `UsageError` if a bound value has another type or shape than its input,
        `ImageError` if plain pictures pass, else `UnsupportedModelError`.
    """

    def runs(count: int) -> bool:
        return any(_passes(run, {image.name: x, **bound}) for x in _plain(image, count))

    misfit = _misfit(session, bound)
    if misfit:
        return UsageError(f"{misfit}: {reason}")
    if runs(len(batch)):
        return ImageError(
            f"ONNX Runtime rejects input {image.name!r} of shape {batch.shape}: {reason}"
        )
    if image.batch is None and len(batch) > 1 and runs(1):
        return UnsupportedModelError(
            f"ONNX Runtime runs this model on one picture, not on {len(batch)} at a time: {reason}"
        )
    height, width = image.size
    advice = "; the file leaves the size open: try another --size" if image.free_size else ""
    return UnsupportedModelError(
        f"ONNX Runtime cannot run this model on any picture of {width} x {height}: {reason}{advice}"
    )


def _plain(image: ImageInput, count: int) -> Iterator[Array]:
    """A grey picture and noise: what a file does not run on, whatever the picture shows."""
    shape = (image.batch or count, *image.shape[1:])
    noise = np.random.default_rng(0).integers(0, _NOISE, shape)
    whole = np.dtype(image.dtype).kind in "iu"
    for values in (np.full(shape, _NOISE // 2), noise):
        yield (values if whole else values / _NOISE).astype(image.dtype)


def _passes(run: Callable[[Mapping[str, Array]], object], feeds: Mapping[str, Array]) -> bool:
    try:
        run(feeds)
    except Exception:  # onnxruntime's exceptions share no base class
        return False
    return True


def _misfit(session: Any, bound: Mapping[str, Array]) -> str:
    for wanted in session.get_inputs():
        given = bound.get(wanted.name)
        if given is None:
            continue
        inner = wanted.type.removeprefix("tensor(").removesuffix(")")
        dims = list(wanted.shape)
        fits = len(dims) == given.ndim and all(
            not isinstance(d, int) or d == n for d, n in zip(dims, given.shape, strict=False)
        )
        if not fits or _NUMPY_NAMES.get(inner, inner) != given.dtype.name:
            return (
                f"input {wanted.name!r} is bound to {given.dtype} of shape {given.shape}, but "
                f"takes {wanted.type} of shape {dims}"
            )
    return ""


def reason_of(error: Exception) -> str:
    """Return what an error of ONNX Runtime says, without where in its source it was raised."""
    text = " ".join(str(error).split())
    # "[ONNXRuntimeError] : 10 : INVALID_GRAPH : the part that says something"
    said = text.split(" : ", 3)[-1]
    # "/onnxruntime_src/file.h:46 void function(arguments) the part that says something"
    return re.sub(r"^/\S+:\d+ [^)]*\) (const )?", "", said)[:400]
