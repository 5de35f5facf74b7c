"""One pass over a data set that need not fit in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import ImageError, NumericalError
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model

# Told how many pictures of how many are done.
Progress = Callable[[int, int], None]


class Skipped(NamedTuple):
    """A picture that could not be read, and why."""

    name: str
    why: str


def silent(done: int, total: int) -> None:
    """Report no progress."""


def batches(
    model: Model,
    samples: Sequence[Sample],
    skipped: list[Skipped],
    *,
    start: int = 0,
    size: int | None = None,
) -> Iterator[tuple[NDArray[np.int64], NDArray[Any], int]]:
    """Read a data set batch by batch.

    Parameters
    ----------
    model : Model
        What the pictures are prepared for.
    samples : sequence of Sample
        The data set.
    skipped : list of Skipped
        Pictures that cannot be read are appended here.
    start : int
        First sample to read.
    size : int, optional
        Pictures in a batch; the model's batch size if not given.

    Yields
    ------
    indices : (n,) int array
        Positions in `samples`.
    x : (n, ...) array
        Model inputs.
    done : int
        Samples read so far, the skipped ones included.
    """
    size = size or model.network.batch_size
    indices: list[int] = []
    inputs: list[NDArray[Any]] = []
    for k in range(start, len(samples)):
        try:
            inputs.append(model.read(samples[k].path).x)
            indices.append(k)
        except ImageError as error:
            skipped.append(Skipped(samples[k].name, str(error)))
        if len(indices) == size or (indices and k == len(samples) - 1):
            yield np.array(indices, np.int64), np.concatenate(inputs), k + 1
            indices, inputs = [], []
    if start < len(samples) and len(skipped) == len(samples):
        raise ImageError(
            f"none of the {len(samples)} pictures can be read; the first: {skipped[0].why}"
        )


def fingerprint(model: Model, samples: Sequence[Sample], **settings: Any) -> str:
    """Digest of everything on which the numbers of a pass depend.

    Pictures count by name, size and time of change: a data set is not read twice.
    """
    files = []
    for sample in samples:
        found = sample.path.stat() if sample.path.is_file() else None
        files.append((sample.name, sample.label, found and (found.st_size, found.st_mtime_ns)))
    told = [model.sha256, model.preprocess.sha256, files, settings]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def require_finite(values: NDArray[Any], name: str) -> None:
    """Refuse NaN and infinity: they have no rank.

    Raises
    ------
    NumericalError
        If there is one.
    """
    if not np.isfinite(values).all():
        raise NumericalError(f"tensor {name!r} holds NaN or Inf for a picture of the data set")
