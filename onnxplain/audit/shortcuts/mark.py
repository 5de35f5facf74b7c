"""What a mark does alone: the pixels that recur, put into pictures of other classes.

A stroke of an object means something only where the rest of the object is; a mark that gives a
class away moves any picture towards it, and every picture alike.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.shortcuts.sameness import same_pixels
from onnxplain.model.model import Model
from onnxplain.network.context import Context
from onnxplain.targets.classes import Kind
from onnxplain.tasks.prediction import Prediction
from onnxplain.tasks.task import Task

# In front of the final activation if there is something to read there: probabilities saturate.
_ORDER: tuple[Kind, ...] = ("logit", "probability", "raw")
# Smaller probabilities are rounding; a ratio that is larger is as good as certain.
_LEAST, _MOST = 1e-12, 1e3


class Effect(NamedTuple):
    """What a mark does to other classes' pictures.

    Attributes
    ----------
    way : float
        Which part of the way it moves them, on average, towards the donors: 1 is all of it.
    steady : float
        That mean movement, in standard deviations over the pictures.
    """

    way: float
    steady: float


def effect(
    model: Model,
    index: int,
    inside: tuple[slice, ...],
    donors: NDArray[Any],
    hosts: NDArray[Any],
    channel_axis: int,
) -> Effect | None:
    """Put the recurring pixels of a place into pictures of other classes.

    Each host is compared with itself when it gets the same pixels of another host. How far a
    picture is of the class is its lead: logit (or logarithm of the probability) less the largest
    one of another class; of labels that may hold together, the odds of the label itself; of dense
    answers, the area.

    Parameters
    ----------
    model : Model
        The model.
    index : int
        The class.
    inside : tuple of slice
        The place, in a batch of inputs.
    donors, hosts : (N, ...) array
        Inputs that have the place's content, and inputs of other classes.
    channel_axis : int
        Position of the channels.

    Returns
    -------
    Effect or None
        ``None`` if no pixel recurs.
    """
    ours, theirs = donors[inside], hosts[inside]
    same = np.expand_dims(same_pixels(ours, theirs, channel_axis), channel_axis - 1)
    if not same.any():
        return None
    # Not the next one: pictures of one class are neighbours.
    far = np.roll(theirs, -(len(hosts) // 2), axis=0)
    mark = np.median(ours, axis=0).astype(hosts.dtype)
    with_mark, without = hosts.copy(), hosts.copy()
    with_mark[inside] = np.where(same, mark, theirs)
    without[inside] = np.where(same, far, theirs)
    own, moved, before = (leads(model, x, index) for x in (donors, with_mark, without))
    moves = moved - before
    whole = float(own.mean() - before.mean())
    mean, spread = float(moves.mean()), float(moves.std())
    steady = mean / spread if spread else np.sign(mean) * _MOST
    return Effect(mean / whole if whole > 0 else 0.0, float(np.clip(steady, -_MOST, _MOST)))


def leads(model: Model, x: NDArray[Any], index: int) -> NDArray[np.float64]:
    """How far each input is of a class, (N,); see `effect`."""
    task: Task = model.task
    found = []
    for part in Context(model.network, model.preprocess).slices(len(x)):
        values = model.network.ort.activations(x[part], task.tensors)
        count = len(x[part])
        said = [task.predict({n: v[k : k + 1] for n, v in values.items()}) for k in range(count)]
        found += [_lead(s, index, alone=task.name == "labels") for s in said]
    return np.array(found)


def _lead(said: Prediction, index: int, *, alone: bool) -> float:
    if said.shares is not None:
        return float(said.shares[index])
    kind = next(k for k in _ORDER if k in said.kinds)
    scores = np.asarray(said.kinds[kind], np.float64)
    if kind == "probability":
        kept = np.clip(scores, _LEAST, 1.0 - _LEAST if alone else 1.0)
        scores = np.log(kept / (1.0 - kept)) if alone else np.log(kept)
    if alone or len(scores) < 2:
        return float(scores[index])
    return float(scores[index] - np.delete(scores, index).max())
