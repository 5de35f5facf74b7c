"""What a channel stands for: the pictures of a data set in which it is most relevant.

RelMax of Achtibat et al. 2023, doi:10.1038/s42256-023-00711-8: pictures are ranked by the
relevance of the channel for a prediction, not by how strongly it answers, so that what excites
a channel without being used is not taken for its meaning.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.features.archive import origin, read_archive, write_archive
from onnxplain.features.concepts.crp import channel_shares, conditional_maps
from onnxplain.features.concepts.examples import require_common
from onnxplain.features.passes import (
    Progress,
    Skipped,
    batches,
    fingerprint,
    require_finite,
    silent,
)
from onnxplain.features.top_units import TopUnits
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model
from onnxplain.relevance.composites import Composite
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target

_KIND = "relevant samples"
# Seconds between two saves of an unfinished pass.
_SAVE_EVERY = 30.0


@dataclass(frozen=True)
class RelevantSamples:
    """The pictures of a data set in which each channel of a layer is most relevant.

    Attributes
    ----------
    layer : str
        Tensor name.
    units : TopUnits
        For each channel the largest shares of relevance, and their pictures; no places.
    target : Target
        What was explained, where `own` is false.
    own : bool
        Whether each picture's own most probable class was explained.
    skipped : list of Skipped
        Pictures that could not be read.
    """

    layer: str
    units: TopUnits
    target: Target
    own: bool
    skipped: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True)
class ReferencePictures:
    """Pictures that show what a channel stands for.

    Attributes
    ----------
    channel : int
        Which one.
    shares : list of float
        Its share of the relevance in the layer, the largest first.
    names : list of str
        The pictures.
    pixels : list of (H, W, C) uint8 arrays
        The same as the model sees them.
    maps : list of (H, W) arrays
        Relevance that flows through the channel; signed.
    """

    channel: int
    shares: list[float]
    names: list[str]
    pixels: list[NDArray[np.uint8]]
    maps: list[NDArray[np.float64]]


def relevant_samples(
    model: Model,
    samples: Sequence[Sample],
    layer: str,
    target: Target,
    *,
    own: bool = True,
    count: int = 6,
    composite: Composite | str = "auto",
    state: str | Path | None = None,
    progress: Progress = silent,
) -> RelevantSamples:
    """Rank the pictures of a data set by the relevance of each channel, in one pass.

    Parameters
    ----------
    model : Model
        The opened model.
    samples : sequence of Sample
        The data set.
    layer : str
        Name of a tensor with channels.
    target : Target
        What is explained, such as that of `ConceptRelevance.explanation`.
    own : bool
        Explain the most probable class of each picture instead, if the target is the score of
        a class.
    count : int
        Pictures for each channel.
    composite : Composite or str
        See `concept_relevance`.
    state : path, optional
        File that keeps the pass: an interrupted one is resumed from it, a finished one is
        read and not repeated, one of another question is replaced.
    progress : callable
        Told how many of how many pictures are done.

    Raises
    ------
    UsageError
        If the target belongs to one picture only.
    ImageError
        If no picture can be read.
    NumericalError
        If relevance is NaN or infinite.
    OutputError
        If the file cannot be written.
    """
    require_common(target)
    own = own and isinstance(target, ClassScore)
    # Whose class it is does not matter where each picture's own is explained.
    asked = replace(target, index=0, name="") if own and isinstance(target, ClassScore) else target
    mark = fingerprint(
        model, samples, layer=layer, count=count, own=own, target=asked.to_dict(),
        composite=composite,
    )  # fmt: skip
    units, skipped, start = _resumed(state, mark)
    saved = time.monotonic()

    def save(done: int) -> None:
        if state is not None and units is not None:
            record = {**origin(model), "fingerprint": mark, "done": done, "skipped": skipped}
            write_archive(state, _KIND, {**record, "layer": layer}, units.arrays())

    for indices, x, done in batches(model, samples, skipped, start=start):
        for aim, rows in _aims(model, target, x, own):
            shares = channel_shares(model, x[rows], aim, layer, composite)
            require_finite(shares, layer)
            units = units or TopUnits.empty(shares.shape[1], count)
            units.add(indices[rows], shares[:, :, None, None])
        progress(done, len(samples))
        if time.monotonic() - saved > _SAVE_EVERY:
            save(done)
            saved = time.monotonic()
    if start < len(samples):
        save(len(samples))
    assert units is not None  # some picture was read
    return RelevantSamples(layer, units, target, own, skipped)


def references(
    model: Model,
    samples: Sequence[Sample],
    found: RelevantSamples,
    channels: Sequence[int],
    *,
    composite: Composite | str = "auto",
) -> Iterator[ReferencePictures]:
    """Read the pictures of some channels again, and show where each channel was relevant.

    Pictures in which a channel opposes what is explained are left out.

    Parameters
    ----------
    model, samples, composite
        As given to `relevant_samples`.
    found : RelevantSamples
        Its result.
    channels : sequence of int
        Which channels.

    Yields
    ------
    ReferencePictures
        In the order of `channels`.
    """
    for channel in channels:
        units = found.units.chosen([channel])
        kept = [k for k, score in enumerate(units.scores[0]) if score > 0]
        pictures = [model.read(samples[units.images[0, k]].path) for k in kept]
        maps: dict[int, NDArray[np.float64]] = {}
        if pictures:
            x = np.concatenate([p.x for p in pictures])
            for aim, rows in _aims(model, found.target, x, found.own):
                own = conditional_maps(model, x[rows], aim, found.layer, [channel], composite)
                maps |= dict(zip(rows.tolist(), own[0], strict=True))
        yield ReferencePictures(
            channel,
            [float(units.scores[0, k]) for k in kept],
            [samples[units.images[0, k]].name for k in kept],
            [p.pixels for p in pictures],
            [maps[k] for k in range(len(kept))],
        )


def _resumed(state: str | Path | None, mark: str) -> tuple[TopUnits | None, list[Skipped], int]:
    """What an earlier pass found, what it skipped, and how many samples it has seen."""
    if state is None or not Path(state).is_file():
        return None, [], 0
    try:
        record, arrays = read_archive(state, _KIND)
        if record["fingerprint"] != mark:
            return None, [], 0
        skipped = [Skipped(*s) for s in record["skipped"]]
        return TopUnits.from_arrays(arrays), skipped, int(record["done"])
    except (UsageError, KeyError, TypeError, ValueError):
        return None, [], 0  # damaged, or of another kind: the pass starts anew


def _aims(
    model: Model, target: Target, x: NDArray[Any], own: bool
) -> Iterator[tuple[Target, NDArray[np.int64]]]:
    """Targets of a batch, each with the inputs that it is explained of."""
    if not own or not isinstance(target, ClassScore):
        yield target, np.arange(len(x))
        return
    scores = target.class_scores(model.network.ort.activations(x, target.tensors))
    best = scores[:, : target.classes].argmax(axis=1)
    for index in np.unique(best).tolist():
        name = model.labels[index] if model.labels else ""
        yield replace(target, index=index, name=name), np.flatnonzero(best == index)
