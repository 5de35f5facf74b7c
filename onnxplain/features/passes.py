"""One pass over a data set that need not fit in memory."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onnxplain.boundary import one_of_many, unnamed
from onnxplain.errors import ImageError, NativeFaultError, NumericalError, OnnxplainError
from onnxplain.inputs.bound import describe_bound
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model
from onnxplain.process.journal import in_hand, is_careful

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

    A batch's pictures are in hand until the next one is asked for, so that native code which
    ends the process takes no more than the picture that it was.

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
    size = 1 if is_careful() else size or model.network.batch_size
    indices: list[int] = []
    inputs: list[NDArray[Any]] = []
    with ExitStack() as held:
        for k in range(start, len(samples)):
            with _skipping(samples[k], skipped), ExitStack() as reading:
                reading.enter_context(in_hand(samples[k].name))
                inputs.append(model.read(samples[k].path).x)
                indices.append(k)
                held.push(reading.pop_all())
            if len(indices) == size or (indices and k == len(samples) - 1):
                yield np.array(indices, np.int64), np.concatenate(inputs), k + 1
                indices, inputs = [], []
                held.close()
    if start < len(samples) and len(skipped) == len(samples):
        raise ImageError(
            f"none of the {len(samples)} pictures can be read; the first: {skipped[0].why}"
        )


@contextmanager
def _skipping(sample: Sample, skipped: list[Skipped]) -> Iterator[None]:
    def failed(error: OnnxplainError) -> None:
        skipped.append(Skipped(sample.name, unnamed(error, sample.path)))

    with one_of_many(failed, (ImageError, NativeFaultError)):
        yield


def fingerprint(model: Model, samples: Sequence[Sample], **settings: Any) -> str:
    """Digest of everything on which the numbers of a pass depend.

    Pictures count by name, size and time of change: a data set is not read twice. A model
    without a digest is like no other.
    """
    files = []
    for sample in samples:
        found = sample.path.stat() if os.path.isfile(sample.path) else None
        files.append((sample.name, sample.label, found and (found.st_size, found.st_mtime_ns)))
    bound = describe_bound(model.network.bound)
    model_key = model.sha256 or secrets.token_hex()
    told = [model_key, model.preprocess.sha256, bound, files, settings]
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
