"""The nine images of a data set that excite each channel of a layer most."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.features.activations import activations
from onnxplain.features.archive import origin, read_archive, write_archive
from onnxplain.features.maps import check_channels
from onnxplain.features.passes import (
    Progress,
    Skipped,
    batches,
    fingerprint,
    require_finite,
    silent,
)
from onnxplain.features.patches import cut, fields_of, project_units, require_same_engines
from onnxplain.features.top_units import TopUnits
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model

_KIND = "top patches"
# Seconds between two saves of an unfinished pass.
_SAVE_EVERY = 30.0


@dataclass
class TopPatches:
    """What one pass over a data set found.

    Attributes
    ----------
    layer : str
        Tensor name.
    units : TopUnits
        The strongest images of every channel.
    names : list of str
        The data set.
    skipped : list of Skipped
        Pictures that could not be read.
    done : int
        How many samples the pass has seen.
    fingerprint : str
        Of model, preprocessing and data set.
    record : dict
        Model, preprocessing and versions.
    """

    layer: str
    units: TopUnits
    names: list[str]
    skipped: list[Skipped] = field(default_factory=list)
    done: int = 0
    fingerprint: str = ""
    record: dict[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write as ``.npz``; an unfinished pass can be resumed from it.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        record = {
            **self.record,
            "layer": self.layer,
            "names": self.names,
            "skipped": self.skipped,
            "done": self.done,
            "fingerprint": self.fingerprint,
        }
        write_archive(path, _KIND, record, self.units.arrays())

    @classmethod
    def load(cls, path: str | Path) -> TopPatches:
        """Read what `save` wrote.

        Raises
        ------
        UsageError
            If it is no such file.
        """
        record, arrays = read_archive(path, _KIND)
        try:
            own = {k: record.pop(k) for k in ("layer", "names", "done", "fingerprint")}
            skipped = [Skipped(*s) for s in record.pop("skipped")]
            return cls(**own, skipped=skipped, units=TopUnits.from_arrays(arrays), record=record)
        except (KeyError, TypeError) as error:
            raise UsageError(f"{str(path)!r} is not a saved {_KIND} file: {error}") from error

    def strongest(self, count: int) -> list[int]:
        """Channels of the largest responses, the strongest first."""
        return [int(k) for k in np.argsort(-self.units.scores[:, 0], kind="stable")[:count]]


def top_patches(
    model: Model,
    samples: Sequence[Sample],
    layer: str | None = None,
    *,
    count: int = 9,
    state: str | Path | None = None,
    progress: Progress = silent,
) -> TopPatches:
    """Find the images that excite each channel most, in one pass and bounded memory.

    Parameters
    ----------
    model : Model
        The opened model; responses are computed in ONNX Runtime.
    samples : sequence of Sample
        The data set.
    layer : str, optional
        A layer with height and width; the layer of class activation maps if not given.
    count : int
        Images for each channel; an image counts once, at its strongest unit.
    state : path, optional
        File that keeps the pass: an interrupted one is resumed from it, a finished one is
        read and not repeated, one of another model or data set is replaced.
    progress : callable
        Told how many of how many pictures are done.

    Returns
    -------
    TopPatches

    Raises
    ------
    MethodRefusedError
        If the layer has no places in the picture.
    ImageError
        If no picture can be read.
    NumericalError
        If a response is NaN or infinite.
    """
    spatial = model.network.layer(layer)
    mark = fingerprint(model, samples, layer=spatial.name, count=count)
    found = _resumed(state, mark)
    if found is None:
        units = TopUnits.empty(spatial.channels, count)
        names = [s.name for s in samples]
        found = TopPatches(spatial.name, units, names, fingerprint=mark, record=origin(model))
    saved = time.monotonic()
    for indices, x, done in batches(model, samples, found.skipped, start=found.done):
        values = activations(model, x, [spatial.name])[spatial.name]
        require_finite(values, spatial.name)
        found.units.add(indices, spatial.to_maps(values))
        found.done = done
        progress(done, len(samples))
        if state is not None and time.monotonic() - saved > _SAVE_EVERY:
            found.save(state)
            saved = time.monotonic()
    found.done = len(samples)
    if state is not None:
        found.save(state)
    return found


def _resumed(state: str | Path | None, mark: str) -> TopPatches | None:
    if state is None or not Path(state).is_file():
        return None
    try:
        found = TopPatches.load(state)
    except UsageError:
        return None  # damaged, or of another kind: the pass starts anew
    return found if found.fingerprint == mark else None


@dataclass(frozen=True)
class ChannelPatches:
    """The strongest images of one channel, ready to be drawn.

    Attributes
    ----------
    channel : int
        Which one.
    scores : list of float
        Responses, the largest first.
    names : list of str
        Their images.
    patches : list of (h, w, 3 or 1) uint8 arrays
        What the units see, all of one size.
    projections : list of (h, w, C) arrays
        What of it arrived at the unit; signed. Empty if not asked for.
    classes : list of (str, int)
        Classes of the labelled images, with how many are of each; the most frequent first.
    """

    channel: int
    scores: list[float]
    names: list[str]
    patches: list[NDArray[np.uint8]]
    projections: list[NDArray[Any]]
    classes: list[tuple[str, int]] = field(default_factory=list)


def channel_patches(
    model: Model,
    samples: Sequence[Sample],
    found: TopPatches,
    channels: Sequence[int],
    *,
    projection: str | None = "guided",
    resample: bool = True,
    allow_mismatch: bool = False,
) -> Iterator[ChannelPatches]:
    """Cut out and project back the units of some channels.

    Only the images shown are read again. Units that never answered with a positive number
    are left out.

    Parameters
    ----------
    model, samples
        As given to `top_patches`.
    found : TopPatches
        Its result.
    channels : sequence of int
        Which channels.
    projection : str, optional
        See `project_units`; none if ``None``.
    resample : bool
        Leave no grid after strided convolutions.
    allow_mismatch : bool
        Project although PyTorch and ONNX Runtime disagree on the first image.

    Yields
    ------
    ChannelPatches
        In the order of `channels`.

    Raises
    ------
    UsageError
        If there is no such channel.
    ParityError
        If the engines disagree.
    """
    layer = model.network.layer(found.layer)
    fields, _ = fields_of(model, layer.name)
    checked = allow_mismatch or projection is None
    for channel in check_channels(channels, layer.channels, layer.name):
        units = found.units.chosen([channel])
        shown = [k for k, score in enumerate(units.scores[0]) if score > 0]
        pictures = [model.read(samples[units.images[0, k]].path) for k in shown]
        if pictures and not checked:
            require_same_engines(model, pictures[0], allow_mismatch)
            checked = True
        boxes = [fields.box(*units.places[0, k]) for k in shown]
        projected: list[NDArray[Any]] = []
        if projection is not None and pictures:
            x = np.concatenate([p.x for p in pictures])
            signals = project_units(
                model, x, layer, channel, units.places[0, shown], projection, resample=resample
            )
            projected = [
                cut(s, b, fields.size, fill=0.0) for s, b in zip(signals, boxes, strict=True)
            ]
        yield ChannelPatches(
            channel,
            [float(units.scores[0, k]) for k in shown],
            [samples[units.images[0, k]].name for k in shown],
            [cut(p.pixels, b, fields.size) for p, b in zip(pictures, boxes, strict=True)],
            projected,
            _classes([samples[units.images[0, k]] for k in shown]),
        )


def _classes(samples: Sequence[Sample]) -> list[tuple[str, int]]:
    return Counter(s.label for s in samples if s.label is not None).most_common()
