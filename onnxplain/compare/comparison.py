"""What comparing several files found."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.evaluate.interval import bootstrap_interval
from onnxplain.evaluate.similarity import cosine, spearman, ssim, top_overlap
from onnxplain.text import html_table

# Likeness of two maps by name: 1 is the same map, unrelated ones are near 0 (overlap: near .1).
LIKENESS: Mapping[str, Callable[[NDArray[Any], NDArray[Any]], float]] = {
    "spearman": spearman,
    "ssim": ssim,
    "cosine": cosine,
    "top_overlap": top_overlap,
}


@dataclass(frozen=True)
class PairOfFiles:
    """How one picture's answers of two models compare.

    Attributes
    ----------
    sample, first, second : str
        The picture and the two models.
    same_prediction : bool or None
        Whether both predict the same class; ``None`` where there are no classes.
    score_difference : float or None
        Largest difference of a class's score, or of a value; ``None`` where the two have other
        units, or embeddings other lengths.
    likeness : mapping of str to mapping
        By method: how alike the maps are, by each of `LIKENESS`.
    control : mapping of str to float
        By method: rank correlation of the first model's map with the second model's map of
        the picture before. That much likeness has nothing to do with what is in the
        picture. Empty for the first picture.
    answers_cosine : float or None
        Cosine of the angle between two embeddings; ``None`` for other answers.
    """

    sample: str
    first: str
    second: str
    same_prediction: bool | None
    score_difference: float | None
    likeness: Mapping[str, Mapping[str, float]]
    control: Mapping[str, float] = field(default_factory=dict)
    answers_cosine: float | None = None

    @property
    def agreement(self) -> float:
        """Lowest rank correlation of any method; by it the pictures that differ most are found."""
        return min(v["spearman"] for v in self.likeness.values())


@dataclass(frozen=True)
class Comparison:
    """What comparing files found.

    Attributes
    ----------
    models : list of str
        Names of the files, told apart.
    pairs : list of PairOfFiles
        Each two files on each picture.
    predictions : list of mapping
        Class and probability by picture and model; ``score`` and ``unit`` where it is none.
    problems : list of str
        Pictures that were left out, and why.
    provenance : mapping
        Digests, parameters, seed, versions.
    """

    models: list[str]
    pairs: list[PairOfFiles]
    predictions: list[Mapping[str, Any]]
    problems: list[str] = field(default_factory=list)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def summary(self) -> list[dict[str, Any]]:
        """For each two files and each method: agreement over all pictures.

        Means over the pictures; ``low`` and ``high`` are the 95 % bootstrap interval of the
        mean rank correlation, ``control`` is `PairOfFiles.control` (``None`` with one picture).
        """
        seed = int(self.provenance.get("seed", 0))
        lines = []
        for first, second in itertools.combinations(self.models, 2):
            pairs = [p for p in self.pairs if (p.first, p.second) == (first, second)]
            methods = list(pairs[0].likeness) if pairs else []
            for method in methods:
                line: dict[str, Any] = {
                    "first": first,
                    "second": second,
                    "method": method,
                    "pictures": len(pairs),
                    "same_prediction": _mean([p.same_prediction for p in pairs]),
                    "score_difference": _mean([p.score_difference for p in pairs]),
                }
                if (angle := _mean([p.answers_cosine for p in pairs])) is not None:
                    line["answers_cosine"] = angle
                for name in LIKENESS:
                    line[name] = float(np.mean([p.likeness[method][name] for p in pairs]))
                ranks = np.array([p.likeness[method]["spearman"] for p in pairs])
                line["least_spearman"] = float(ranks.min())
                line["low"], line["high"] = bootstrap_interval(ranks, seed)
                others = [p.control[method] for p in pairs if p.control]
                line["control"] = float(np.mean(others)) if others else None
                lines.append(line)
        return lines

    def most_different(self, count: int = 5) -> list[PairOfFiles]:
        """Pictures whose answers differ most: other predictions first, then other maps."""
        order = sorted(self.pairs, key=lambda p: (p.same_prediction is not False, p.agreement))
        return order[:count]

    def _repr_html_(self) -> str:
        """Table for notebooks."""
        keys = ("first", "second", "method", "same_prediction", "score_difference", "spearman",
                "control", "pictures")  # fmt: skip
        columns = ("first", "second", "method", "same class", "score diff.", "rank corr.",
                   "control", "n")  # fmt: skip
        rows = [[entry[key] for key in keys] for entry in self.summary()]
        return html_table("agreement (1 is the same; means over the pictures)", columns, rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "provenance": dict(self.provenance),
            "models": self.models,
            "summary": self.summary(),
            "most_different": [asdict(p) for p in self.most_different()],
            "predictions": [dict(p) for p in self.predictions],
            "pairs": [asdict(p) for p in self.pairs],
            "problems": self.problems,
        }


def _mean(values: Sequence[float | None]) -> float | None:
    """Mean of numbers, if all are known."""
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
