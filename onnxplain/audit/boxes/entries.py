"""What an audit keeps of the boxes of one picture: verdicts, and maps of some of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.boxes.beside import lost_beside
from onnxplain.audit.records.boxes import BoxEntry, Weighed, map_of
from onnxplain.audit.zones import small
from onnxplain.errors import NowhereError
from onnxplain.evaluate.boxes.judge import Judged
from onnxplain.evaluate.boxes.look import Scene, box_mask
from onnxplain.evaluate.cases import Look, Plan, cases, targets_of
from onnxplain.evaluate.localisation import energy_in_mask
from onnxplain.model.model import Model
from onnxplain.targets.boxes.box_match import BoxMatch
from onnxplain.targets.boxes.request import BoxRequest
from onnxplain.targets.request import TargetRequest

# Boxes of a picture that are explained, of each verdict in this order.
_VERDICTS, _MOST = ("hit", "miss", "false positive"), 3


@dataclass(frozen=True)
class Explained:
    """One judged box with what is explained of it.

    Attributes
    ----------
    number : int
        Among the judged boxes of the picture.
    judged : Judged
        The box.
    look : Look
        What is explained; its mask is the annotated box, or the detector's if that is wrong.
    """

    number: int
    judged: Judged
    look: Look


def explained_boxes(model: Model, scene: Scene, plan: Plan, problems: list[str]) -> list[Explained]:
    """Choose boxes of a picture: the strongest hits, missed objects, the strongest wrong ones.

    A missed object that no candidate overlaps cannot be explained; that is noted in `problems`.
    """
    asked = model.request(plan.target).box or BoxRequest()
    found = []
    for verdict in _VERDICTS:
        of = [
            (k, j)
            for k, j in enumerate(scene.judged)
            if j.verdict == verdict and asked.label in (None, j.label)
        ]
        for number, judged in of[:_MOST]:
            try:
                found.append(Explained(number, judged, _look(model, scene, judged)))
            except NowhereError as error:
                problems.append(f"{scene.sample.name}, {verdict}: {error}")
    return found


def box_entries(
    model: Model, scene: Scene, chosen: Sequence[Explained], method: str, plan: Plan
) -> tuple[list[BoxEntry], dict[str, NDArray[np.float32]], list[str]]:
    """Say of each judged box what became of it, and explain some by one method.

    Returns
    -------
    list of BoxEntry
        In the order of the judged boxes.
    dict of str to array
        Small maps, by `map_of`.
    list of str
        What could not be done.
    """
    entries = [_entry(model, scene, judged) for judged in scene.judged]
    maps, problems = {}, list[str]()
    for one in chosen:
        seen, known = one.look, entries[one.number]
        assert isinstance(seen.target, BoxMatch)
        values = model.network.ort.activations(seen.picture.x, seen.target.tensors)
        entry = replace(known, match=float(seen.target.score(values)[0]))
        if one.judged.verdict == "hit":
            entry = replace(entry, beside=lost_beside(model, scene.picture, seen.target))
        for case in cases(model, seen, [method], plan, problems):
            maps[map_of(method, one.number)] = small(case.heatmap)
            if seen.mask is not None:
                share = energy_in_mask(case.heatmap, seen.mask)
                entry = replace(entry, evidence={method: share})
        entries[one.number] = entry
    return entries, maps, problems


def weighed(scene: Scene) -> Weighed:
    """Return what average precision is counted from, as plain data."""
    return Weighed(
        sides=scene.weak.sides.tolist(),
        scores=scene.weak.scores.tolist(),
        labels=scene.weak.labels.tolist(),
        drawn=scene.objects.sides.tolist(),
        drawn_labels=scene.objects.labels.tolist(),
        aside=list(scene.objects.aside),
    )


def _look(model: Model, scene: Scene, judged: Judged) -> Look:
    asked = (
        BoxRequest(number=judged.detection + 1)
        if judged.detection is not None
        else BoxRequest(judged.label, sides=judged.sides)
    )
    target, start = targets_of(model, TargetRequest(box=asked), scene.said, scene.picture)
    sides = judged.sides if judged.truth is None else tuple(scene.objects.sides[judged.truth])
    mask = box_mask(model, scene.sample, np.array(sides))
    return Look(scene.sample, scene.picture, scene.said, target, start, None, mask)


def _entry(model: Model, scene: Scene, judged: Judged) -> BoxEntry:
    height, width = model.network.image.size
    seen = scene.picture.frame.in_input(np.array(judged.sides)) / (width, height, width, height)
    return BoxEntry(
        verdict=judged.verdict,
        index=judged.label,
        sides=list(judged.sides),
        place=[float(v) for v in seen],
        score=judged.score,
        overlap=judged.overlap,
        cause=judged.cause,
        other=judged.other,
    )


def verdicts(entries: Sequence[BoxEntry]) -> Iterator[tuple[int, str]]:
    """Class and verdict of each box."""
    return ((e.index, e.verdict) for e in entries)
