"""Does a place decide for a class on its own? It is put into pictures of other classes.

That evidence recurs in one place is no shortcut yet: the strokes of a digit that fills its
picture lie in the same places too. But one stroke does not make a 5 of a 3, and a patch that
gives a class away makes that class of anything. So does an object that often lies in a place;
it looks different each time, and such places are not tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.shortcuts.places import LEAST, Box, Place, find_places
from onnxplain.audit.shortcuts.sameness import share_of_same
from onnxplain.audit.store import Results
from onnxplain.audit.summary import done, summarise_classes
from onnxplain.errors import ImageError
from onnxplain.inputs.dataset import Sample, spread
from onnxplain.model.model import Model
from onnxplain.network.context import Context
from onnxplain.tasks.boxes import Boxes
from onnxplain.tasks.task import Task

# So many pictures of other classes get the place; the mean is known to about 0.05 then.
_HOSTS = 48
# Units in which the share of a class can be told; of others only which class wins.
_SHARES = ("probability", "area")
# A mark takes up at least this part of the place.
_SAME = 0.1


@dataclass(frozen=True)
class Transplant:
    """What a place does in pictures of other classes.

    Attributes
    ----------
    place : Place
        The place.
    donors : list of int
        Pictures that it is taken of.
    hosts : list of int
        Pictures that it is put into.
    same : float, optional
        Share of the place's pixels that are the same in the donors and other in the hosts,
        see `onnxplain.audit.shortcuts.sameness.share_of_same`; ``None`` if no picture could be
        read.
    rise : float, optional
        See `mean_rise`.
    """

    place: Place
    donors: list[int]
    hosts: list[int]
    same: float | None
    rise: float | None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Transplant:
        """Build from what ``dataclasses.asdict`` gives."""
        return cls(**{**data, "place": Place(**data["place"])})


def transplants(results: Results, model: Model, samples: Sequence[Sample]) -> list[Transplant]:
    """Put each place where the same content recurs into pictures of other classes.

    Parameters
    ----------
    results : Results
        Those of all pictures.
    model : Model
        The model.
    samples : sequence of Sample
        The data set.

    Returns
    -------
    list of Transplant
        None of a class that fewer than five pictures are not of: neither predicted nor
        explained as it.
    """
    if isinstance(model.task, Boxes):
        return []  # objects of a detector lie anywhere; see `onnxplain.audit.boxes.beside`
    classes = {p.number: (p.predicted, p.explained) for p in done(results)}
    found = []
    for place in find_places(results, summarise_classes(results)):
        others = [number for number, both in classes.items() if place.index not in both]
        if len(others) >= LEAST:
            donors, hosts = spread(place.hits, _HOSTS), spread(others, _HOSTS)
            given, taken = ([samples[n] for n in numbers] for numbers in (donors, hosts))
            same = sameness(model, place.box, given, taken)
            if same is None or same >= _SAME:
                rise = mean_rise(model, place.index, place.box, given, taken)
                found.append(Transplant(place, donors, hosts, same, rise))
    return found


def sameness(
    model: Model, box: Box, donors: Sequence[Sample], hosts: Sequence[Sample]
) -> float | None:
    """Share of a box's pixels that are the same in the donors, and other in the hosts.

    Parameters
    ----------
    model : Model
        The model.
    box : Box
        Left, top, right and bottom edge, as shares of the model's picture.
    donors, hosts : sequence of Sample
        Pictures that have the place, and pictures of other classes.

    Returns
    -------
    float or None
        In [0, 1]; ``None`` if no donor or no host can be read any more.
    """
    context = Context(model.network, model.preprocess)
    inside = _inside(context, box)
    ours, theirs = ([x[inside] for x in _inputs(model, part)] for part in (donors, hosts))
    if not ours or not theirs:
        return None
    return share_of_same(np.concatenate(ours), np.concatenate(theirs), context.channel_axis)


def mean_rise(
    model: Model, index: int, box: Box, donors: Sequence[Sample], hosts: Sequence[Sample]
) -> float | None:
    """By how much a place raises the probability of its class in other classes' pictures.

    In place of the probability stands the area in dense answers, and where scores are neither,
    the share of the pictures in which the class wins.

    Each host is scored with the box of a donor, and with the box of another host: what any
    strange content does in that place is not counted.

    Parameters
    ----------
    model : Model
        The model.
    index : int
        The class.
    box : Box
        Left, top, right and bottom edge, as shares of the model's picture.
    donors, hosts : sequence of Sample
        Pictures that have the place, taken in turn, and pictures of other classes.

    Returns
    -------
    float or None
        Mean difference of the two, in [-1, 1]; ``None`` if no picture can be
        read any more.
    """
    context = Context(model.network, model.preprocess)
    inside = _inside(context, box)
    rises: list[float] = []
    for part in context.slices(len(hosts)):
        with_place: list[NDArray[Any]] = []
        without: list[NDArray[Any]] = []
        for k in range(len(hosts))[part]:
            # Not the next one: pictures of one class are neighbours.
            far = hosts[(k + len(hosts) // 2) % len(hosts)]
            three = list(_inputs(model, (hosts[k], donors[k % len(donors)], far)))
            if len(three) == 3:
                host, donor, control = three
                with_place.append(_changed(host, donor, inside))
                without.append(_changed(host, control, inside))
        if with_place:
            one, other = (_presence(model, np.concatenate(x), index) for x in (with_place, without))
            rises.extend(one - other)
    return float(np.mean(rises)) if rises else None


def _presence(model: Model, x: NDArray[Any], index: int) -> NDArray[np.float64]:
    """How far each input is of a class: its probability, its area, or whether it wins."""
    task: Task = model.task
    values = model.network.ort.activations(x, task.tensors)
    said = [task.predict({n: v[k : k + 1] for n, v in values.items()}) for k in range(len(x))]
    return np.array(
        [s.scores[index] if s.unit in _SHARES else s.winner == index for s in said], float
    )


def _inputs(model: Model, samples: Iterable[Sample]) -> Iterator[NDArray[Any]]:
    """Inputs of those pictures that can still be read: the others tell enough."""
    for sample in samples:
        with suppress(ImageError):
            yield model.read(sample.path).x


def _inside(context: Context, box: Box) -> tuple[slice, ...]:
    """Index of all pixels that a box touches, in a batch of inputs."""
    index = [slice(None)] * 4
    left, top, right, bottom = box
    rows, columns = context.spatial_axes
    height, width = context.network.image.size
    for axis, length, first, last in ((rows, height, top, bottom), (columns, width, left, right)):
        # A share that is a whole number of pixels must not reach into the next by rounding.
        start, stop = round(first * length, 6), round(last * length, 6)
        index[axis] = slice(math.floor(start), math.ceil(stop))
    return tuple(index)


def _changed(host: NDArray[Any], donor: NDArray[Any], inside: tuple[slice, ...]) -> NDArray[Any]:
    changed = host.copy()
    changed[inside] = donor[inside]
    return changed
