"""Boxes of a detector in a report: missed objects and wrong boxes, each with its map."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onnxplain.audit.records.boxes import BoxEntry, map_of
from onnxplain.audit.records.pictures import Done, Picture
from onnxplain.audit.records.record import Head
from onnxplain.audit.shortcuts.places import LEAST
from onnxplain.methods import registered
from onnxplain.render.embedded import layer_uri
from onnxplain.report.examples import Maps, photo_of

KINDS = (("miss", "Missed objects"), ("false positive", "False positives"))


@dataclass(frozen=True)
class BoxExample:
    """One box of one picture.

    Attributes
    ----------
    name : str
        Of the picture.
    box : BoxEntry
        What the record says of it.
    method, layer : str
        The method, and the data URI of its map; empty if there is none.
    photo, missing : str
        Data URI of what the model saw, or why there is none.
    others : sequence of BoxEntry
        The other boxes of the picture.
    """

    name: str
    box: BoxEntry
    method: str
    layer: str
    photo: str
    missing: str
    others: Sequence[BoxEntry]


def box_examples(
    record: Head,
    pictures: Callable[[], Iterable[Picture]],
    files: Mapping[str, Path],
    maps: Maps,
) -> dict[str, list[BoxExample]]:
    """Choose explained misses and false positives, those with the largest scores first.

    Parameters
    ----------
    record, pictures, files, maps
        See `onnxplain.report.content.content`.
    """
    if record.boxes is None:
        return {}
    methods = [m for m in record.questions.methods if m in record.methods]
    found = {}
    for verdict, _ in KINDS:
        chosen = heapq.nsmallest(
            record.questions.examples,
            (
                (-(b.match if b.score is None else b.score), p.number, k, p)
                for p in pictures()
                if isinstance(p, Done)
                for k, b in enumerate(p.boxes or ())
                if b.verdict == verdict and b.match is not None
            ),
            key=lambda entry: entry[:3],
        )
        found[verdict] = [
            _example(picture, k, methods[0], record, files, maps) for _, _, k, picture in chosen
        ]
    return found


def judged_classes(pictures: Iterable[Picture]) -> int:
    """How many classes have enough hits to be suspected of being found by what is beside them."""
    tried = Counter(
        b.index for p in pictures if isinstance(p, Done) for b in p.boxes or () if b.beside
    )
    return sum(count >= LEAST for count in tried.values())


def words(box: BoxEntry, name: Callable[[int | None], str]) -> str:
    """Say what is wrong with a box, or why an object was missed."""
    near = f"overlap {box.overlap:.2f}"
    if box.verdict == "miss":
        return {
            "other class": f"taken for {name(box.other)}",
            "place": f"a box of its class is near it, and not on it ({near})",
            "second box": "",
            "nothing": "no box is on it or near it",
        }.get(box.cause, "")
    return {
        "other class": f"in truth {name(box.other)}",
        "second box": "a second box of one object",
        "place": f"near an object of its class, and not on it ({near})",
        "nothing": "nothing of its class is annotated there",
    }.get(box.cause, "")


def _example(
    picture: Done,
    number: int,
    method: str,
    record: Head,
    files: Mapping[str, Path],
    maps: Maps,
) -> BoxExample:
    assert picture.boxes is not None
    photo, missing = photo_of(picture, files, record.preprocess.recipe)
    values, layer = maps(picture.number, map_of(method, number)), ""
    if values is not None:
        side = int(np.sqrt(values.size))
        cards = registered()
        display = cards[method].display if method in cards else "signed"
        layer = layer_uri(values.reshape(side, side), display)
    others = [b for k, b in enumerate(picture.boxes) if k != number]
    return BoxExample(picture.name, picture.boxes[number], method, layer, photo, missing, others)
