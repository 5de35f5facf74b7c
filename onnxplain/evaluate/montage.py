"""Four pictures in one: does the map of a class point at the picture of that class?

The grid pointing game of Böhle, Fritz, Schiele 2021, arXiv:2104.00032, with two by two cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import OnnxplainError, UsageError
from onnxplain.evaluate.cases import Look, Plan, look
from onnxplain.inputs.dataset import Sample, noting
from onnxplain.inputs.picture import made_of
from onnxplain.model.model import Model
from onnxplain.process.journal import in_hand

CELLS = 4


def montages(
    model: Model, samples: Sequence[Sample], plan: Plan, problems: list[str]
) -> Iterator[Look]:
    """Put pictures of four classes into one, and ask for each of the classes in turn.

    Each picture is used once at most, as the model sees it and at half its size. Its class
    is its label, or what the model says of the whole picture.

    Parameters
    ----------
    model : Model
        The model.
    samples : sequence of Sample
        The pictures.
    plan : Plan
        Settings; its seed arranges the pictures.
    problems : list of str
        Pictures that cannot be read are noted here, unless they are already.

    Yields
    ------
    Look
        A montage with the class of one cell; its mask is the cell.

    Raises
    ------
    UsageError
        If there are no pictures of four classes.
    """
    seen = []
    failures: dict[str, OnnxplainError] = {}
    for sample in samples:
        with noting(sample, failures), in_hand(sample.name):
            seen.append(look(model, replace(sample, mask=None, boxes=()), plan, problems))
    problems += [text for text in failures if text not in problems]
    order = np.random.default_rng(plan.seed).permutation(len(seen))
    groups = list(_groups([seen[k] for k in order]))
    if not groups:
        raise UsageError(
            f"grid-pointing needs pictures of {CELLS} classes; "
            f"the data set has {len({s.index for s in seen})}"
        )
    for number, group in enumerate(groups):
        pixels, cells = _arranged([s.picture.seen for s in group])
        picture = made_of(pixels, model.preprocess, "montage")
        prediction = model.predict(picture)
        for one, cell in zip(group, cells, strict=True):
            name = f"montage {number}, {one.sample.name}"
            yield replace(
                one,
                sample=replace(one.sample, name=name),
                picture=picture,
                prediction=prediction,
                mask=cell,
            )


def _groups(seen: Sequence[Look]) -> Iterator[list[Look]]:
    """Take four of different classes as long as there are, those of the largest class first."""
    by_class: dict[int | None, list[Look]] = {}
    for one in seen:
        by_class.setdefault(one.index, []).append(one)
    while True:
        largest = sorted((g for g in by_class.values() if g), key=len, reverse=True)[:CELLS]
        if len(largest) < CELLS:
            return
        yield [group.pop() for group in largest]


def _arranged(
    pictures: Sequence[NDArray[Any]],
) -> tuple[NDArray[Any], list[NDArray[np.bool_]]]:
    """Montage of the size of one picture, and where in it each of them is."""
    height, width, _ = pictures[0].shape
    rows, columns = (0, height // 2, 2 * (height // 2)), (0, width // 2, 2 * (width // 2))
    montage = np.zeros_like(pictures[0])
    cells = []
    places = [(r, c) for r in pairwise(rows) for c in pairwise(columns)]
    for picture, ((top, bottom), (left, right)) in zip(pictures, places, strict=True):
        montage[top:bottom, left:right] = _halved(picture[: rows[-1], : columns[-1]])
        cell = np.zeros((height, width), bool)
        cell[top:bottom, left:right] = True
        cells.append(cell)
    return montage, cells


def _halved(pixels: NDArray[Any]) -> NDArray[Any]:
    height, width, channels = pixels.shape
    blocks = pixels.reshape(height // 2, 2, width // 2, 2, channels)
    means = blocks.mean(axis=(1, 3))
    return np.round(means).astype(np.uint8) if pixels.dtype == np.uint8 else means
