"""The record of an audit as one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onnxplain.audit.records.about import (
    DataEntry,
    MethodEntry,
    ModelEntry,
    QuestionsEntry,
    RecipeEntry,
    Times,
)
from onnxplain.audit.records.answers import AnswerSums
from onnxplain.audit.records.pictures import Picture, SanityPicture
from onnxplain.audit.records.plain import plain, said
from onnxplain.audit.records.summaries import (
    ClassSum,
    ClusteringSum,
    CurveSum,
    Failure,
    MeasureSum,
    PredictionSums,
    SanitySum,
    SuspectSum,
)
from onnxplain.evaluate.boxes.score import DetectionScore
from onnxplain.text import html_table


@dataclass(frozen=True, kw_only=True)
class Head:
    """A record without its pictures, which may be too many for memory.

    Attributes
    ----------
    format : int
        Version of the layout: since 2 with curves and with what suspected places do, since 3
        with every file of the model, since 4 with data of several sources, since 5 with
        `answers`, groups, and what methods settled.
    complete : bool
        Whether everything was done.
    said_target_files : mapping of str to str, optional
        Digests of the files that the target names.
    answers : AnswerSums, optional
        Right and wrong answers by class, by group and by probability, if there are labels.
        Since format 5.
    said_curves : sequence of CurveSum, optional
        Since format 2.
    boxes : DetectionScore, optional
        Of a detector, where boxes are annotated.
    """

    format: int
    complete: bool
    model: ModelEntry
    data: DataEntry
    preprocess: RecipeEntry
    questions: QuestionsEntry
    said_target_files: Mapping[str, str] | None = said("target_files")
    methods: Mapping[str, MethodEntry]
    left_out: Sequence[str]
    versions: Mapping[str, str]
    sanity_pictures: Sequence[SanityPicture]
    predictions: PredictionSums
    answers: AnswerSums | None = None
    measures: Sequence[MeasureSum]
    said_curves: Sequence[CurveSum] | None = said("curves")
    sanity: Sequence[SanitySum]
    failures: Sequence[Failure]
    classes: Sequence[ClassSum]
    suspects: Sequence[SuspectSum]
    clusters: Sequence[ClusteringSum]
    times: Times
    boxes: DetectionScore | None = None

    @property
    def target_files(self) -> Mapping[str, str]:
        """Digests of the files that the target names."""
        return self.said_target_files or {}

    @property
    def curves(self) -> Sequence[CurveSum]:
        """Mean curves that are known."""
        return self.said_curves or ()

    @property
    def tells_of_answers(self) -> bool:
        """Whether it counts answers by class and group, and tries marks alone: since format 5."""
        return self.format >= 5

    @property
    def tells_of_places(self) -> bool:
        """Whether it says what suspected places do, and has curves: since format 2."""
        return self.format >= 2

    def _repr_html_(self) -> str:
        """Table for notebooks."""
        right = self.predictions.accuracy
        rows: list[list[Any]] = [
            ["data", self.data.described],
            ["pictures", f"{self.predictions.scored} of {self.data.pictures} examined"],
            ["right", "no labels" if right is None else f"{right:.1%}"],
            *(["sanity", f"{s.method}: {s.verdict}"] for s in self.sanity),
            *([f"{m.measure} of {m.method}", m.mean] for m in self.measures),
            ["shortcut suspects", len(self.suspects)],
            ["failures", len(self.failures)],
        ]
        state = "" if self.complete else ", not complete"
        return html_table(f"audit of {self.model.name}{state}", ("", ""), rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, as it was read."""
        found: dict[str, Any] = plain(self)
        return found


@dataclass(frozen=True, kw_only=True)
class Record(Head):
    """A record with its pictures, in the order of their numbers as it was written."""

    pictures: Sequence[Picture]
