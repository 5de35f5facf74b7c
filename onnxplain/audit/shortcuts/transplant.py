"""Does a place decide for a class on its own? It is put into pictures of other classes.

That evidence recurs in one place is no shortcut yet: the strokes of a digit that fills its
picture lie in the same places too. But one stroke does not make a 5 of a 3, and a patch that
gives a class away makes that class of anything. So does an object that often lies in a place;
it looks different each time, and such places are not tried.

Places come from the evidence of each method, and from content that recurs: a mark on half of a
class's pictures is a hint among others, and its evidence need not stand out.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.shortcuts.mark import effect
from onnxplain.audit.shortcuts.places import LEAST, Box, Place, find_places
from onnxplain.audit.shortcuts.recurring import cells, recurring
from onnxplain.audit.shortcuts.sameness import share_of_same
from onnxplain.audit.store import Results
from onnxplain.audit.summary import ClassSummary, done, summarise_classes
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
# And content that recurs holds at least its fair share of some method's evidence.
_SEEN = 1.0
# What recurs decides if it goes this part of the way to the class, of so many standard deviations,
# and takes up this share of the place: see docs/decisions/021-shortcuts.md. Few pixels of an object
# that are alike in six pictures are no mark.
_WAY, _STEADY, _LARGE = 0.125, 1.9, 0.25


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
    way, steady : float, optional
        See `onnxplain.audit.shortcuts.mark.Effect`; ``None`` where `same` or `rise` is.
    by_content : bool
        Whether the place was found by content that recurs, and not by its evidence.
    """

    place: Place
    donors: list[int]
    hosts: list[int]
    same: float | None
    rise: float | None
    way: float | None = None
    steady: float | None = None
    by_content: bool = False

    @property
    def decides(self) -> bool:
        """Whether what recurs here moves other pictures to the class, and all of them alike.

        What could not be tried stays under suspicion.
        """
        if self.same is None or self.way is None or self.steady is None:
            return self.rise is None
        return self.way >= _WAY and self.steady >= _STEADY and self.same >= _LARGE

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
    summaries = [c for c in summarise_classes(results) if c.index is not None]
    places = defaultdict(list)
    for place in find_places(results, summaries):
        places[place.index].append(place)
    found = []
    for index in dict.fromkeys(c.index for c in summaries if c.index is not None):
        others = [number for number, both in classes.items() if index not in both]
        if len(others) < LEAST:
            continue
        hosts = spread(others, _HOSTS)
        tried = [_tried(model, samples, place, hosts) for place in places[index]]
        found += [one for one in tried if one is not None]
        if not any(one is not None and one.decides for one in tried):
            own = [c for c in summaries if c.index == index]
            content = _by_content(model, samples, own, hosts)
            again = None if content is None else _tried(model, samples, content, hosts)
            found += [] if again is None else [replace(again, by_content=True)]
    return found


def _tried(
    model: Model, samples: Sequence[Sample], place: Place, hosts: list[int]
) -> Transplant | None:
    """Try a place; nothing if hardly a pixel of it is the same in its pictures."""
    donors = spread(place.hits, _HOSTS)
    given, taken = ([samples[n] for n in numbers] for numbers in (donors, hosts))
    same, way, steady = mark(model, place.index, place.box, given, taken)
    if same is not None and same < _SAME:
        return None
    rise = mean_rise(model, place.index, place.box, given, taken)
    return Transplant(place, donors, hosts, same, rise, way, steady)


def _by_content(
    model: Model, samples: Sequence[Sample], summaries: Sequence[ClassSummary], hosts: list[int]
) -> Place | None:
    """Place of a class whose content recurs, by the method that has most evidence there."""
    context = Context(model.network, model.preprocess)
    numbers = spread(summaries[0].numbers, _HOSTS)
    kept, ours = _cells(model, samples, numbers, context)
    _, others = _cells(model, samples, hosts, context)
    if len(ours) < LEAST or not others:
        return None
    found = recurring(np.stack(ours), np.stack(others))
    if found is None:
        return None
    hits = [kept[k] for k in found.members]
    places = [Place.of(s, found.row, found.column, hits, len(ours)) for s in summaries]
    best = max(places, key=lambda place: place.lift)
    # That a mark of other classes is not there recurs too, and nothing is seen there then.
    return best if best.lift >= _SEEN else None


def _cells(
    model: Model, samples: Sequence[Sample], numbers: Iterable[int], context: Context
) -> tuple[list[int], list[NDArray[np.float32]]]:
    """Those pictures that can be read, and the cells of each."""
    kept, found = [], []
    for number in numbers:
        for x in _inputs(model, [samples[number]]):
            kept.append(number)
            found.append(cells(x, context.channel_axis))
    return kept, found


def mark(
    model: Model, index: int, box: Box, donors: Sequence[Sample], hosts: Sequence[Sample]
) -> tuple[float | None, float | None, float | None]:
    """What is the same in a box, and what that alone does in pictures of other classes.

    Parameters
    ----------
    model : Model
        The model.
    index : int
        The class.
    box : Box
        Left, top, right and bottom edge, as shares of the model's picture.
    donors, hosts : sequence of Sample
        Pictures that have the place, and pictures of other classes.

    Returns
    -------
    same : float or None
        Share of the box's pixels that are the same in the donors, and other in the hosts, see
        `onnxplain.audit.shortcuts.sameness.same_pixels`; ``None`` if no donor or no host can be
        read any more.
    way, steady : float or None
        See `onnxplain.audit.shortcuts.mark.Effect`; ``None`` if nothing is the same.
    """
    context = Context(model.network, model.preprocess)
    inside = _inside(context, box)
    ours, theirs = (list(_inputs(model, part)) for part in (donors, hosts))
    if not ours or not theirs:
        return None, None, None
    given, taken = np.concatenate(ours), np.concatenate(theirs)
    same = share_of_same(given[inside], taken[inside], context.channel_axis)
    found = effect(model, index, inside, given, taken, context.channel_axis)
    return (same, None, None) if found is None else (same, *found)


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
