"""What is annotated, in the words of a model: which class of it each annotated one is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.inputs.annotations.annotation import Marked
from onnxplain.inputs.annotations.attach import Annotated
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.inputs.source import open_picture, size_of
from onnxplain.tasks.boxes import Boxes
from onnxplain.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Objects:
    """Annotated objects of one picture that the model has a class for.

    Attributes
    ----------
    sides : (T, 4) array
        Left, top, right and bottom, in pixels of the photo.
    labels : (T,) int array
        Class of each.
    aside : tuple of str
        Why an object counts neither as found nor as missed: ``crowd``, ``difficult``; empty if
        it counts.
    """

    sides: NDArray[np.float64]
    labels: NDArray[np.int64]
    aside: tuple[str, ...]


@dataclass(frozen=True)
class Truth:
    """The classes of annotations.

    Attributes
    ----------
    form : str
        Format of the annotations.
    classes : mapping of str or int to int
        Class of the model for each annotated one that it has.
    count : int
        Classes of the model.
    problems, notes : sequence of str
        What was left out, and what is to be known.
    """

    form: str
    classes: Mapping[str | int, int]
    count: int
    problems: Sequence[str] = field(default=())
    notes: Sequence[str] = field(default=())

    @property
    def judged(self) -> frozenset[int]:
        """Classes whose boxes are judged; of others nobody has drawn any."""
        return frozenset(self.classes.values())

    def objects(self, sample: Sample, preprocess: Preprocess) -> Objects | None:
        """Objects of one picture; ``None`` if it is not annotated.

        Raises
        ------
        ImageError
            If the picture cannot be read, or another one was annotated.
        """
        if sample.annotation is None:
            return None
        size = size_of(open_picture(sample.path, preprocess))
        known = [o for o in sample.annotation.in_pixels(size) if o.label in self.classes]
        return Objects(
            np.array([o.sides for o in known], np.float64).reshape(-1, 4),
            np.array([self.classes[o.label] for o in known], np.int64),
            tuple(o.aside for o in known),
        )


def truth_of(found: Annotated, task: Task) -> Truth:
    """Match annotated classes with those of a model, by name.

    Case, and blanks against underscores or hyphens, make no difference.

    Parameters
    ----------
    found : Annotated
        The annotations.
    task : Task
        What the model answers.

    Raises
    ------
    UsageError
        If the model answers no boxes, or has none of the annotated classes.
    """
    if not isinstance(task, Boxes):
        raise UsageError(
            f"annotated boxes are for detectors, and the model answers {task.name}; leave out "
            "--boxes (masks say where the evidence of a class is)"
        )
    marked = [o for s in found.samples if s.annotation for o in s.annotation.objects]
    known = _classes(found, marked, task)
    absent = Counter(o.label for o in marked if o.label not in known)
    names = list(found.names or dict.fromkeys(o.label for o in marked))
    if names and not known:
        raise UsageError(
            f"none of the annotated classes ({_listed(names)}) is one of the model's "
            f"({_listed(task.labels) or 'which has no names'}); give the model's names in the "
            "words of the annotations with --labels FILE"
        )
    notes = list(found.notes)
    for name in names:
        if name not in known:
            notes.append(
                f"the model has no class {str(name)!r}: its {absent[name]} annotated objects are "
                "left aside"
            )
    for name, index in known.items():
        same = [k for k, label in enumerate(task.labels) if _plain(label) == _plain(str(name))]
        if len(same) > 1:
            notes.append(f"classes {same} of the model are called {name!r}: {index} is taken")
    others = [k for k in range(task.count) if k not in known.values()]
    if others and known:
        said = _listed([task.labels[k] if k < len(task.labels) else str(k) for k in others])
        notes.append(
            f"{len(others)} classes of the model are not annotated ({said}): their boxes are not "
            "judged"
        )
    for aside, what in (("crowd", "crowds"), ("difficult", "objects marked difficult")):
        if count := sum(o.aside == aside for o in marked):
            notes.append(f"{count} {what} count neither as found nor as missed")
    return Truth(found.form, known, task.count, tuple(found.problems), tuple(notes))


def _classes(found: Annotated, marked: Sequence[Marked], task: Boxes) -> dict[str | int, int]:
    if not found.names:
        numbers = {o.label for o in marked if isinstance(o.label, int)}
        # Without names, a class that nobody has drawn may be annotated all the same.
        every = range(task.count) if task.count else sorted(numbers)
        return {k: k for k in every}
    by_name: dict[str, int] = {}
    for index, label in enumerate(task.labels):
        by_name.setdefault(_plain(label), index)
    return {n: by_name[_plain(n)] for n in found.names if _plain(n) in by_name}


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _listed(names: Sequence[str | int], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more
