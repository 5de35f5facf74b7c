"""What a report of an audit shows, out of its record: chosen, named and bounded in number."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onnxplain.audit.answers import count_answers
from onnxplain.audit.records.answers import AnswerSums, ClassAnswers, GroupAnswers
from onnxplain.audit.records.boxes import BoxEntry
from onnxplain.audit.records.pictures import PROBABILITY, Done, Picture
from onnxplain.audit.records.record import Head
from onnxplain.audit.records.summaries import (
    ClassSum,
    ClusteringSum,
    ClusterSum,
    MeasureSum,
    SuspectSum,
)
from onnxplain.audit.shortcuts.places import LEAST
from onnxplain.audit.summary import in_order
from onnxplain.methods import Method, registered
from onnxplain.render.embedded import mean_map_uri
from onnxplain.report.answers import Answers, drawn_answers, why_not_calibrated
from onnxplain.report.blind_spots import unseen
from onnxplain.report.boxes import KINDS as BOX_KINDS
from onnxplain.report.boxes import BoxExample, box_examples, judged_classes, words
from onnxplain.report.chart import Chart
from onnxplain.report.conclusion import conclusion
from onnxplain.report.curves import Curves, mean_curves
from onnxplain.report.examples import Example, Maps, examples
from onnxplain.report.fit import require_fit
from onnxplain.report.reliability import reliability
from onnxplain.report.verdict import Verdict, silent_measures, trusted_first, verdict
from onnxplain.report.words import class_name, has_classes, is_own

# A report is read by people and opened by browsers. All of it is in the record.
MOST_PICTURES, MOST_CLASSES, MOST_SUSPECTS, MOST_CLUSTERED = 300, 24, 24, 8
MOST_GROUPS = 24
_EXEMPLARS, _SUSPECT_EXAMPLES = 3, 6
_KINDS = ("most_confident_errors", "least_confident_errors", "least_confident")


@dataclass(frozen=True)
class DrawnCluster:
    """A cluster with the data URI of its mean map."""

    told: ClusterSum
    picture: str


@dataclass(frozen=True)
class DrawnClustering:
    """The clusters of a class with their mean maps."""

    told: ClusteringSum
    clusters: list[DrawnCluster]


@dataclass(frozen=True)
class Content:
    """Everything that the templates need.

    Attributes
    ----------
    record : Head
        The record; its pictures are not read.
    examples : mapping of int to Example
        Those pictures that are shown.
    pictures : list of Done
        Rows of the table of pictures: wrong ones first, then the least confident.
    suspects : sequence of SuspectSum
        The strongest.
    shown_classes : list of ClassSum
        Classes with mean maps, the most frequent ones first.
    mean_maps : mapping of (int or None, str) to str
        Data URI by class and method, for the shown classes and the suspects.
    clusters : list of DrawnClustering
        Of the most frequent classes.
    judged : int
        How many classes have enough pictures to be suspected of a shortcut.
    curves : list of Curves
        Means of deletion and insertion; none in records of format 1.
    cards : mapping of str to Method
        Of the methods that ran and that this version knows.
    boxes : mapping of str to list of BoxExample
        See `onnxplain.report.boxes.box_examples`.
    answers : Answers or None
        Right and wrong by class, group and probability, if there are labels.
    reliability : Chart or None
        How often answers of each probability are right, if they have one.
    unseen : list of str
        What the search for shortcuts cannot see here.
    conclusion : list of str
        What the figures come to, in a few sentences.
    verdict : Verdict
        The first lines.
    silent : mapping of (str, str) to str
        Why a measure says little of a method here, by method and measure.
    """

    record: Head
    examples: Mapping[int, Example]
    pictures: list[Done]
    suspects: Sequence[SuspectSum]
    shown_classes: list[ClassSum]
    mean_maps: Mapping[tuple[int | None, str], str]
    clusters: list[DrawnClustering]
    judged: int
    curves: list[Curves]
    cards: Mapping[str, Method]
    boxes: Mapping[str, list[BoxExample]]
    answers: Answers | None
    reliability: Chart | None
    unseen: list[str]
    conclusion: list[str]
    verdict: Verdict
    silent: Mapping[tuple[str, str], str]

    def name(self, index: int | None) -> str:
        """Name of a class or value, or its number."""
        return class_name(self.record, index)

    def explained(self, index: int | None) -> str:
        """Name of what maps are of; the target as it was asked for if it is no class."""
        if index is None:
            return self.record.questions.target or "not known"
        return self.name(index)

    @property
    def unit(self) -> str:
        """What the scores of the answers are."""
        return self.record.predictions.unit

    @property
    def target_unit(self) -> str:
        """What the explained numbers are."""
        return self.record.predictions.target_unit

    @property
    def has_classes(self) -> bool:
        """Whether answers can be right or wrong."""
        return has_classes(self.record)

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Lists of pictures that are shown, with their titles: of sureness only if it is known."""
        if self.unit == PROBABILITY:
            titles = ["Most confident errors", "Least confident errors", "Least confident answers"]
        else:
            what = f"of which the {self.unit} is"
            titles = [
                f"{w} {what} {e}"
                for w, e in (("Errors", "largest"), ("Errors", "smallest"), ("Answers", "smallest"))
            ]
        return list(zip(_KINDS, titles, strict=True))

    def repeats(self, kind: str) -> bool:
        """Whether a list of errors has the pictures of the first one, in another order."""
        said = self.record.predictions
        first = {e.number for e in said.most_confident_errors}
        return kind == _KINDS[1] and {e.number for e in said.least_confident_errors} <= first

    def silent_of(self, measure: str) -> dict[str, list[str]]:
        """Methods of which a measure says little here, by the reason."""
        found: dict[str, list[str]] = {}
        for method in self.methods:
            if text := self.silent.get((method, measure)):
                found.setdefault(text, []).append(method)
        return found

    def words(self, box: BoxEntry) -> str:
        """Say what is wrong with a box of a detector."""
        return words(box, self.name)

    @property
    def box_kinds(self) -> list[tuple[str, str]]:
        """Verdicts on boxes that are shown, with their titles."""
        return list(BOX_KINDS)

    @property
    def methods(self) -> list[str]:
        """Names of the methods: the main one first, those that failed a sanity check last."""
        return trusted_first(self.record)

    def measures(self, own: bool) -> list[MeasureSum]:
        """Rows of the tests of the maps, or of what the methods say of themselves (`own`)."""
        return [m for m in self.record.measures if is_own(m.measure) == own]

    @property
    def answered_classes(self) -> list[ClassAnswers]:
        """Classes whose answers are shown: those with the most errors, by their index."""
        found = self.answers.told.classes if self.answers else []
        most = sorted(found, key=lambda c: (c.right - c.count, c.index))[:MOST_CLASSES]
        return sorted(most, key=lambda c: c.index)

    @property
    def answered_groups(self) -> list[GroupAnswers]:
        """Groups whose answers are shown: those with the most errors, in their order."""
        found = list((self.answers.told.groups if self.answers else None) or ())
        most = sorted(range(len(found)), key=lambda k: (found[k].right - found[k].count, k))
        return [found[k] for k in sorted(most[:MOST_GROUPS])]

    @property
    def not_calibrated(self) -> str:
        """Why nothing is said of how true the probabilities are; empty if it is."""
        return why_not_calibrated(self.record)


def content(
    record: Head,
    pictures: Callable[[], Iterable[Picture]],
    files: Mapping[str, Path],
    maps: Maps,
) -> Content:
    """Choose and draw what a report shows.

    Parameters
    ----------
    record : Head
        See `onnxplain.audit.record`; without pictures is enough.
    pictures : callable
        Begins a walk over the record's pictures.
    files : mapping of str to Path
        Where the picture of each name is; what is not there is left out and said.
    maps : callable
        See `onnxplain.report.examples.Maps`.

    Returns
    -------
    Content
        Of a size that does not grow with the data set.

    Raises
    ------
    UsageError
        If the record's parts do not fit each other.
    """
    require_fit(record)
    classes = {(c.index, c.method): c for c in record.classes}
    counts = {index: c.count for (index, _), c in classes.items()}
    frequent = sorted(counts, key=lambda k: (-counts[k], in_order((k, ""))))
    often, clustered = set(frequent[:MOST_CLASSES]), set(frequent[:MOST_CLUSTERED])
    suspects = record.suspects[:MOST_SUSPECTS]
    suspect = {(s.index, s.method) for s in suspects}
    kept = {key: c for key, c in classes.items() if key[0] in often or key in suspect}
    clusterings = [c for c in record.clusters if c.index in clustered]
    shown = examples(
        _wanted(record, suspects, clusterings),
        pictures(),
        files,
        record.preprocess.recipe,
        maps,
    )
    known = registered()
    told = answered(record, pictures)
    judged = (
        sum(count >= LEAST for count in counts.values())
        if record.boxes is None
        else judged_classes(pictures())
    )
    return Content(
        record,
        shown,
        heapq.nsmallest(MOST_PICTURES, (p for p in pictures() if isinstance(p, Done)), key=_doubt),
        suspects,
        [c for key, c in classes.items() if key[0] in often],
        {key: mean_map_uri(np.array(c.mean_map)) for key, c in kept.items()},
        [_drawn(c) for c in clusterings],
        judged,
        mean_curves(
            record.curves,
            list(record.methods),
            record.predictions.target_unit,
        ),
        {name: known[name] for name in record.methods if name in known},
        box_examples(record, pictures, files, maps),
        drawn_answers(told),
        None if told is None or told.calibration is None else reliability(told.calibration),
        unseen(record),
        conclusion(record, told, judged),
        verdict(record, told, judged),
        silent_measures(record),
    )


def answered(record: Head, pictures: Callable[[], Iterable[Picture]]) -> AnswerSums | None:
    """Right and wrong answers: as the record counts them, or counted of its pictures.

    Parameters
    ----------
    record : Head
        See `content`.
    pictures : callable
        Begins a walk over the record's pictures, for records before format 5.
    """
    if record.tells_of_answers:
        return record.answers
    return count_answers(pictures(), record.model.task) if record.predictions.labelled else None


def _wanted(
    record: Head,
    suspects: Iterable[SuspectSum],
    clusterings: Iterable[ClusteringSum],
) -> set[int]:
    said, most = record.predictions, record.questions.examples
    wanted = {entry.number for kind in _KINDS for entry in getattr(said, kind)[:most]}
    for suspect in suspects:
        wanted.update(suspect.examples[:_SUSPECT_EXAMPLES])
    for clustering in clusterings:
        for cluster in clustering.clusters:
            wanted.update(e.number for e in cluster.exemplars[:_EXEMPLARS])
    return wanted


def _drawn(clustering: ClusteringSum) -> DrawnClustering:
    pictures = [mean_map_uri(np.array(c.mean_map)) for c in clustering.clusters]
    drawn = map(DrawnCluster, clustering.clusters, pictures)
    return DrawnClustering(clustering, list(drawn))


def _doubt(picture: Done) -> tuple[bool, float, int]:
    # Where nothing is predicted, nothing is in doubt.
    doubt = 0.0 if picture.predicted is None else picture.value
    return (not picture.is_wrong, doubt, picture.number)
