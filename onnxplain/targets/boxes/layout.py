"""Where a detector's boxes, scores and labels stand, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.overlap import iou, suppress
from onnxplain.targets.secants import Values

Array = NDArray[np.float64]
# As many as a file that chooses itself writes.
MOST = 10**6


@dataclass(frozen=True)
class Suppression:
    """Which candidates are boxes.

    Attributes
    ----------
    least : float
        Smallest score of a box.
    overlap : float or None
        Boxes of one label that overlap a stronger one by more are none; ``None`` if the file
        has left them out.
    most : int
        Boxes of a picture at most.
    every_class : bool
        Whether a candidate is a box of each class that scores enough, not of its best alone, as
        in ONNX's own suppression.
    most_of_class : int, optional
        Boxes of one class at most.
    in_file : bool
        Whether the file does it itself, so that weaker boxes never leave it.
    """

    least: float = 0.25
    overlap: float | None = 0.45
    most: int = 300
    every_class: bool = False
    most_of_class: int | None = None
    in_file: bool = False


@dataclass(frozen=True)
class Element:
    """One number of one input: a tensor and the flat position in its value."""

    tensor: str
    position: int
    batch_axis: int | None = 0


@dataclass(frozen=True, eq=False)
class Elements:
    """For each class and candidate the element that holds its logit.

    Attributes
    ----------
    tensors : tuple of str
        Tensors that hold some of them.
    which : (K, P) int array
        Index of the tensor; -1 where there is no logit.
    flat : (K, P) int array
        Position in one input's value of it.
    """

    tensors: tuple[str, ...]
    which: NDArray[np.int64]
    flat: NDArray[np.int64]

    def at(self, label: int, row: int) -> Element | None:
        """Return the logit of a class of a candidate, if there is one."""
        number = int(self.which[label, row])
        return None if number < 0 else Element(self.tensors[number], int(self.flat[label, row]))


@dataclass(frozen=True, eq=False)
class Detections:
    """The boxes of one picture, the strongest first.

    Attributes
    ----------
    sides : (M, 4) array
        Left, top, right and bottom, in pixels of the input.
    scores : (M,) array
        Score of each.
    labels : (M,) int array
        Its class.
    rows : (M,) int array
        The candidate that it is.
    """

    sides: Array
    scores: Array
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BoxLayout:
    """How the numbers of a detector are read.

    Attributes
    ----------
    boxes : Columns
        Numbers of each candidate's box.
    code : BoxCode
        What they mean.
    scores : Columns
        Scores of the classes, or one score of each candidate if there are `labels`.
    count : int
        Number of classes; 0 if unknown, where labels are numbers of an open range.
    objectness : Columns, optional
        One factor of all scores of a candidate.
    labels : Columns, optional
        The class of each candidate.
    background : int, optional
        The score among `scores` that says that there is nothing.
    suppression : Suppression
        Which candidates are boxes.
    logits : Elements, optional
        What stands in front of the classes' activation.
    """

    boxes: Columns
    code: BoxCode
    scores: Columns
    count: int
    objectness: Columns | None = None
    labels: Columns | None = None
    background: int | None = None
    suppression: Suppression = field(default_factory=Suppression)
    logits: Elements | None = None

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that a prediction reads."""
        parts = (self.boxes, self.scores, self.objectness, self.labels)
        return tuple(dict.fromkeys(t for p in parts if p is not None for t in p.tensors))

    @property
    def one_by_one(self) -> bool:
        """Whether some tensor has no axis of inputs: their boxes would follow each other."""
        parts = (self.boxes, self.scores, self.objectness, self.labels)
        return any(p is not None and p.batch_axis is None for p in parts)

    def sides(self, values: Values) -> Array:
        """Return left, top, right and bottom of all candidates, (N, 4, P)."""
        return np.asarray(self.code.decode(self.boxes.read(values)))

    def class_scores(self, values: Values) -> Array:
        """Return the scores of all candidates, (N, K, P), or (N, 1, P) if they have labels."""
        scores = self.scores.read(values)
        if self.objectness is not None:
            scores = scores * self.objectness.read(values)
        return scores if self.background is None else np.delete(scores, self.background, axis=1)

    def score_of(self, values: Values, label: int) -> Array:
        """Return how much each candidate is of a class, (N, P)."""
        scores = self.class_scores(values)
        if self.labels is None:
            return np.asarray(scores[:, label])
        return np.asarray(scores[:, 0] * (self.labels_of(values) == label))

    def match(self, values: Values, sides: Array, label: int) -> Array:
        """Return overlap with a box (4,) times score of a class, of all candidates, (N, P)."""
        return iou(self.sides(values), sides) * self.score_of(values, label)

    def likeness(self, values: Values, sides: Array, label: int, scores: Array) -> Array:
        """Return how alike all candidates are to a box, (N, P), as D-RISE counts it.

        Overlap times cosine of the scores times objectness, which is left out where the file has
        none. Where the file names the class of each candidate, its scores are one at that class and
        zero elsewhere, and its score stands for objectness: the same as `match`.

        Parameters
        ----------
        values : mapping of str to array
            The tensors.
        sides : (4,) array
            The box.
        label : int
            Its class.
        scores : (n,) array
            Its scores, see `scores_at`.
        """
        if self.labels is not None:
            return self.match(values, sides, label)
        found = self.scores.read(values)
        lengths = np.linalg.norm(scores) * np.sqrt(np.einsum("nkp,nkp->np", found, found))
        alike = np.einsum("k,nkp->np", scores, found)
        alike = np.divide(alike, lengths, out=np.zeros_like(alike), where=lengths > 0)
        if self.objectness is not None:
            alike = alike * self.objectness.read(values)[:, 0]
        return iou(self.sides(values), sides) * alike

    def scores_at(self, values: Values, row: int) -> Array:
        """Return all scores of a candidate of one input, (n,), that of the background as well."""
        return np.asarray(self.scores.read(values)[0, :, row])

    def one_hot(self, values: Values, label: int) -> Array:
        """Return the scores of a box that is of one class and nothing else, (n,)."""
        scores = np.zeros(self.scores.read(values).shape[1])
        scores[self.score_row(label)] = 1.0
        return scores

    def labels_of(self, values: Values) -> NDArray[np.int64]:
        """Return the class of each candidate, (N, P), where the file names it."""
        assert self.labels is not None
        return np.rint(self.labels.read(values)[:, 0]).astype(np.int64)

    def score_row(self, label: int) -> int:
        """Row of `scores` that belongs to a class."""
        if self.labels is not None:
            return 0
        return label + (self.background is not None and label >= self.background)

    def detect(self, values: Values) -> Detections:
        """Return the boxes of one input."""
        sides, scores = self.sides(values)[0], self.class_scores(values)[0]
        rule, rows = self.suppression, np.arange(sides.shape[1])
        if self.labels is not None:
            labels, best = self.labels_of(values)[0], scores[0]
        elif rule.every_class:
            labels, rows = (scores >= rule.least).nonzero()
            best = scores[labels, rows]
        else:
            labels = scores.argmax(axis=0) if len(scores) else np.zeros(0, np.int64)
            best = scores.max(axis=0, initial=-np.inf)
        there = (best >= rule.least) & (labels >= 0)
        labels, best, rows = labels[there], best[there], rows[there]
        if rule.overlap is None:
            order = np.argsort(-best, kind="stable")
        else:
            order = np.array(
                suppress(sides[:, rows], best, labels, rule.overlap, rule.most), np.int64
            )
        if rule.most_of_class is not None:
            order = order[_rank_within(labels[order]) < rule.most_of_class]
        order = order[: rule.most]
        return Detections(sides[:, rows[order]].T, best[order], labels[order], rows[order])


def _rank_within(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the same label stand in front of each."""
    found = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        mine = labels == label
        found[mine] = np.arange(mine.sum())
    return found
