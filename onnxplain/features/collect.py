"""Responses of all filters to a labelled data set, collected in one resumable pass."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import OutputError, UsageError
from onnxplain.features.activations import activations
from onnxplain.features.archive import read_archive, write_archive
from onnxplain.features.passes import (
    Progress,
    Skipped,
    batches,
    fingerprint,
    require_finite,
    silent,
)
from onnxplain.features.responses import FeatureLayer, batch_size, responses
from onnxplain.features.top_units import TopUnits
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model
from onnxplain.tasks.classes import Classes

_KIND = "response pass"
_SAVE_EVERY = 60.0


@dataclass
class Collected:
    """What one pass found.

    Attributes
    ----------
    responses : (N, m) float32 array
        Row k belongs to sample k; zero where the picture could not be read. On disk, if a
        folder was given.
    labels : (N,) int array
        Class indices; -1 where the picture could not be read.
    units : TopUnits
        The strongest images of all m filters.
    skipped : list of Skipped
        Pictures that could not be read.
    done : int
        Samples seen.
    """

    responses: NDArray[np.float32]
    labels: NDArray[np.int64]
    units: TopUnits
    skipped: list[Skipped] = field(default_factory=list)
    done: int = 0


def collect(
    model: Model,
    samples: Sequence[Sample],
    layers: Sequence[FeatureLayer],
    *,
    top: int = 100,
    folder: str | Path | None = None,
    progress: Progress = silent,
) -> Collected:
    """Run a data set through the model once.

    Parameters
    ----------
    model : Model
        The opened model; responses are computed in ONNX Runtime.
    samples : sequence of Sample
        The data set, every picture with its class.
    layers : sequence of FeatureLayer
        Which filters.
    top : int
        Images kept for each filter.
    folder : path, optional
        Where the pass is kept while it runs: responses then lie on disk and not in memory,
        and an interrupted pass is resumed.
    progress : callable
        Told how many of how many pictures are done.

    Raises
    ------
    UsageError
        If a picture has no class, or one that the model does not know.
    ImageError
        If no picture can be read.
    NumericalError
        If an activation is NaN or infinite.
    OutputError
        If the folder cannot be written.
    """
    classes = [class_of_sample(model, s) for s in samples]
    count = sum(layer.channels for layer in layers)
    mark = fingerprint(model, samples, layers=[layer.name for layer in layers], top=top)
    found = _resumed(folder, mark, (len(samples), count)) or _started(
        folder, (len(samples), count), top
    )
    names = [layer.name for layer in layers]
    saved = time.monotonic()
    size = batch_size(model, layers)
    for indices, x, done in batches(model, samples, found.skipped, start=found.done, size=size):
        values = activations(model, x, names)
        for name in names:
            require_finite(values[name], name)
        found.responses[indices] = responses(values, layers)
        found.labels[indices] = np.array(classes)[indices]
        for layer in layers:
            own = slice(layer.first, layer.first + layer.channels)
            part = TopUnits(*(a[own] for a in found.units.arrays().values()))
            part.add(indices, layer.maps(values[layer.name]))
            found.units.replace(own, part)
        found.done = done
        progress(done, len(samples))
        if folder is not None and time.monotonic() - saved > _SAVE_EVERY:
            _save(found, folder, mark)
            saved = time.monotonic()
    found.done = len(samples)
    if folder is not None:
        _save(found, folder, mark)
    return found


def forget(folder: str | Path) -> None:
    """Remove what `collect` kept in a folder."""
    for path in _files(folder):
        path.unlink(missing_ok=True)
    if Path(folder).is_dir():
        Path(folder).rmdir()


def class_of_sample(model: Model, sample: Sample) -> int:
    """Class index of a labelled picture.

    Raises
    ------
    UsageError
        If it has no class, or one that the model does not know.
    """
    if not isinstance(model.task, Classes):
        raise UsageError(
            f"features that tell classes need a model that answers classes, and {model.name!r} "
            f"answers {model.task.name}"
        )
    if sample.label is None:
        raise UsageError(
            f"{sample.name!r} has no class; put pictures into subfolders named after their "
            "classes, or give a table with a column 'label'"
        )
    return model.task.index(sample.label)


def _files(folder: str | Path) -> tuple[Path, Path]:
    return Path(folder) / "responses.npy", Path(folder) / "pass.npz"


def _started(folder: str | Path | None, shape: tuple[int, int], top: int) -> Collected:
    labels, units = np.full(shape[0], -1, np.int64), TopUnits.empty(shape[1], top)
    if folder is None:
        return Collected(np.zeros(shape, np.float32), labels, units)
    path = _files(folder)[0]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    return Collected(stored, labels, units)


def _resumed(folder: str | Path | None, mark: str, shape: tuple[int, int]) -> Collected | None:
    if folder is None or not all(p.is_file() for p in _files(folder)):
        return None
    stored, state = _files(folder)
    try:
        record, arrays = read_archive(state, _KIND)
        values = np.lib.format.open_memmap(stored, "r+")
        skipped = [Skipped(*s) for s in record["skipped"]]
        units = TopUnits.from_arrays(arrays)
        found = Collected(values, arrays["labels"], units, skipped, record["done"])
        same = record["fingerprint"] == mark
    except (UsageError, ValueError, OSError, KeyError, TypeError):
        return None  # damaged: the pass starts anew
    return found if same and values.shape == shape and values.dtype == np.float32 else None


def _save(found: Collected, folder: str | Path, mark: str) -> None:
    if isinstance(found.responses, np.memmap):
        found.responses.flush()
    record: dict[str, Any] = {"fingerprint": mark, "skipped": found.skipped, "done": found.done}
    arrays = {**found.units.arrays(), "labels": found.labels}
    write_archive(_files(folder)[1], _KIND, record, arrays)
