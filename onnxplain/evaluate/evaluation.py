"""What an evaluation found: every number, and the table that sums them up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.evaluate.boxes.score import DetectionScore
from onnxplain.evaluate.interval import bootstrap_interval
from onnxplain.evaluate.measures import MEASURES
from onnxplain.evaluate.telling import never_asks, says_little
from onnxplain.files import csv_text, json_text, write_text
from onnxplain.text import html_table


@dataclass(frozen=True)
class Row:
    """One measure of one map of one picture.

    Attributes
    ----------
    sample, method, measure : str
        Names.
    value : float
        The number.
    box : str
        Which box of a detector the map is of, where boxes are annotated.
    """

    sample: str
    method: str
    measure: str
    value: float
    box: str = ""


@dataclass(frozen=True)
class Line:
    """One method by one measure, over all pictures.

    Attributes
    ----------
    method, measure : str
        Names.
    mean, deviation : float
        Over the pictures.
    low, high : float
        95 % interval of the mean, by bootstrap over the pictures.
    count : int
        Pictures, or boxes of a detector in them.
    rank : int
        Among methods and controls, 1 is best; 0 where no end is better.
    control : bool
        Whether this is a map that never looked at the model.
    """

    method: str
    measure: str
    mean: float
    deviation: float
    low: float
    high: float
    count: int
    rank: int
    control: bool


@dataclass(frozen=True)
class MeanCurve:
    """A curve averaged over the pictures."""

    method: str
    measure: str
    shares: NDArray[np.float64]
    scores: NDArray[np.float64]


@dataclass(frozen=True)
class BestThreshold:
    """Where the mean overlap with the masks is largest, one threshold for all pictures."""

    method: str
    threshold: float
    iou: float


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured.

    Attributes
    ----------
    rows : list of Row
        Every number.
    curves : list of MeanCurve
        Those of the measures that have one.
    controls : frozenset of str
        Which of the methods are control maps.
    problems : list of str
        What was left out, and why.
    provenance : mapping
        Model and preprocessing digests, methods with parameters, seed, versions.
    seed : int
        Of the bootstrap, too.
    detection : DetectionScore, optional
        What became of the boxes of a detector, where boxes are annotated.
    labels : sequence of str
        Names of the model's classes.
    """

    rows: list[Row]
    curves: list[MeanCurve]
    controls: frozenset[str]
    problems: list[str] = field(default_factory=list)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    detection: DetectionScore | None = None
    labels: Sequence[str] = ()

    @property
    def unit(self) -> str:
        """What the explained numbers are: ``probability``, ``value``, ..."""
        return str(self.provenance.get("unit", "probability"))

    @property
    def question(self) -> str:
        """What is explained in each picture, in words."""
        target = self.provenance.get("target")
        if self.detection is not None:
            of = f" of {target}" if target else ""
            return f"the strongest hits{of} in each picture, three at most"
        return str(target or f"the {self.provenance.get('explained', 'label')}")

    def summary(self) -> list[Line]:
        """Mean, spread, interval and rank of each method by each measure, best first."""
        values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        pictures: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in self.rows:
            values[row.measure][row.method].append(row.value)
            pictures[row.measure, row.method].append(row.sample)
        lines = []
        for measure, by_method in values.items():
            better = MEASURES[measure].better
            means = {m: float(np.mean(v)) for m, v in by_method.items()}
            sign = -1.0 if better == "higher" else 1.0
            order = sorted(means.values(), key=lambda mean: sign * mean)
            for method in sorted(means, key=lambda m: (sign * means[m], m)):
                found = np.array(by_method[method])
                low, high = bootstrap_interval(found, self.seed, pictures[measure, method])
                lines.append(
                    Line(
                        method,
                        measure,
                        means[method],
                        float(found.std(ddof=1)) if len(found) > 1 else 0.0,
                        low,
                        high,
                        len(found),
                        0 if better == "neither" else order.index(means[method]) + 1,
                        method in self.controls,
                    )
                )
        return lines

    def best_thresholds(self) -> list[BestThreshold]:
        """Best threshold of each method over all pictures, if overlap was measured."""
        found = []
        for curve in self.curves:
            if curve.measure == "mean-iou":
                k = int(curve.scores.argmax())
                entry = BestThreshold(curve.method, float(curve.shares[k]), float(curve.scores[k]))
                found.append(entry)
        return sorted(found, key=lambda entry: -entry.iou)

    def silent_measures(self) -> dict[tuple[str, str], str]:
        """Why a measure says little of a method on these pictures, by method and measure."""
        told = {(row.method, row.measure): never_asks(row.measure) for row in self.rows}
        for c in self.curves:
            told[c.method, c.measure] = says_little(c.measure, c.scores.tolist(), self.unit)
        return {key: text for key, text in told.items() if text}

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "provenance": dict(self.provenance),
            "problems": self.problems,
            "summary": [asdict(line) for line in self.summary()],
            "says_little": [
                {"method": method, "measure": measure, "why": why}
                for (method, measure), why in self.silent_measures().items()
            ],
            "best_thresholds": [asdict(entry) for entry in self.best_thresholds()],
            "curves": [
                {**asdict(c), "shares": c.shares.tolist(), "scores": c.scores.tolist()}
                for c in self.curves
            ],
            "rows": [_plain(row) for row in self.rows],
            **({} if self.detection is None else {"boxes": self.detection.to_dict(self.labels)}),
        }

    def _repr_html_(self) -> str:
        """Table for notebooks."""
        rows = [
            [x.measure, x.rank or None, f"({x.method})" if x.control else x.method, x.mean,
             f"{x.low:.3g} .. {x.high:.3g}", x.count,
             self.silent_measures().get((x.method, x.measure))]
            for x in self.summary()
        ]  # fmt: skip
        columns = ("measure", "rank", "method", "mean", "95 % interval", "n", "")
        title = f"explained: {self.question}; in brackets maps that never look at the model"
        return html_table(title, columns, rows)

    def save(self, folder: str | Path) -> list[Path]:
        """Write ``evaluation.json``, ``summary.csv``, ``rows.csv``, each whole or not at all.

        With annotated boxes ``boxes.csv`` as well: what became of those of each class.

        Raises
        ------
        OutputError
            If a file cannot be written.
        """
        folder = Path(folder)
        texts = {
            "evaluation.json": json_text(self.to_dict()),
            "summary.csv": csv_text([asdict(line) for line in self.summary()]),
            "rows.csv": csv_text([_plain(row) for row in self.rows]),
        }
        if self.detection is not None:
            texts["boxes.csv"] = csv_text(self.detection.to_dict(self.labels)["classes"])
        for name, text in texts.items():
            write_text(folder / name, text)
        return [folder / name for name in texts]


def _plain(row: Row) -> dict[str, Any]:
    """Plain data of a row; a box is named where there is one."""
    return {k: v for k, v in asdict(row).items() if k != "box" or v}
