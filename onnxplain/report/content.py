"""What a report of an audit shows, out of its record: chosen, named and bounded in number."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onnxplain.audit.answered import PROBABILITY, score_of, unit_of
from onnxplain.audit.shortcuts.places import LEAST
from onnxplain.audit.summary import in_order
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.methods import Method, registered
from onnxplain.render.embedded import mean_map_uri
from onnxplain.report.curves import Curves, mean_curves
from onnxplain.report.examples import Example, Maps, examples

# A report is read by people and opened by browsers. All of it is in the record.
MOST_PICTURES, MOST_CLASSES, MOST_SUSPECTS, MOST_CLUSTERED = 300, 24, 24, 8
_EXEMPLARS, _SUSPECT_EXAMPLES = 3, 6
_KINDS = ("most_confident_errors", "least_confident_errors", "least_confident")


@dataclass(frozen=True)
class Content:
    """Everything that the templates need.

    Attributes
    ----------
    record : mapping
        The record; its pictures are not read.
    examples : mapping of int to Example
        Those pictures that are shown.
    pictures : list of mapping
        Rows of the table of pictures: wrong ones first, then the least confident.
    suspects : list of mapping
        The strongest.
    shown_classes : list of mapping
        Classes with mean maps, the most frequent ones first.
    mean_maps : mapping of (int or None, str) to str
        Data URI by class and method, for the shown classes and the suspects.
    clusters : list of mapping
        Clusterings of the most frequent classes, each cluster with its ``picture``.
    judged : int
        How many classes have enough pictures to be suspected of a shortcut.
    curves : list of Curves
        Means of deletion and insertion; none in records of format 1.
    cards : mapping of str to Method
        Of the methods that ran and that this version knows.
    """

    record: Mapping[str, Any]
    examples: Mapping[int, Example]
    pictures: list[Mapping[str, Any]]
    suspects: list[Mapping[str, Any]]
    shown_classes: list[Mapping[str, Any]]
    mean_maps: Mapping[tuple[int | None, str], str]
    clusters: list[Mapping[str, Any]]
    judged: int
    curves: list[Curves]
    cards: Mapping[str, Method]

    def name(self, index: int | None) -> str:
        """Name of a class or value, or its number."""
        labels = self.record["model"]["labels"]
        if index is None:
            return "not known"
        if self.record["model"].get("task") in ("values", "embedding") and not labels:
            return f"number {index}"
        return labels[index] if index < len(labels) and labels[index] else f"class {index}"

    def explained(self, index: int | None) -> str:
        """Name of what maps are of; the target as it was asked for if it is no class."""
        if index is None:
            return str(self.record["questions"].get("target") or "not known")
        return self.name(index)

    @property
    def unit(self) -> str:
        """What the scores of the answers are."""
        return unit_of(self.record["predictions"])

    @property
    def target_unit(self) -> str:
        """What the explained numbers are."""
        return str(self.record["predictions"].get("target_unit", PROBABILITY))

    @property
    def has_classes(self) -> bool:
        """Whether answers can be right or wrong."""
        return self.record["model"].get("task") not in ("values", "embedding")

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

    @property
    def methods(self) -> list[str]:
        """Names of the methods, the main one first."""
        ran = self.record["methods"]
        return [m for m in self.record["questions"]["methods"] if m in ran]


def content(
    record: Mapping[str, Any],
    pictures: Callable[[], Iterable[Mapping[str, Any]]],
    files: Mapping[str, Path],
    maps: Maps,
) -> Content:
    """Choose and draw what a report shows.

    Parameters
    ----------
    record : mapping
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
    """
    classes = {(c["index"], c["method"]): c for c in record["classes"]}
    counts = {index: c["count"] for (index, _), c in classes.items()}
    frequent = sorted(counts, key=lambda k: (-counts[k], in_order((k, ""))))
    often, clustered = set(frequent[:MOST_CLASSES]), set(frequent[:MOST_CLUSTERED])
    suspects = record["suspects"][:MOST_SUSPECTS]
    suspect = {(s["index"], s["method"]) for s in suspects}
    kept = {key: c for key, c in classes.items() if key[0] in often or key in suspect}
    clusterings = [c for c in record["clusters"] if c["index"] in clustered]
    recipe = {k: v for k, v in record["preprocess"].items() if k != "sha256"}
    shown = examples(
        _wanted(record, suspects, clusterings),
        pictures(),
        files,
        Preprocess.from_dict(recipe),
        maps,
    )
    known = registered()
    return Content(
        record,
        shown,
        heapq.nsmallest(MOST_PICTURES, filter(_done, pictures()), key=_doubt),
        suspects,
        [c for key, c in classes.items() if key[0] in often],
        {key: mean_map_uri(np.array(c["mean_map"])) for key, c in kept.items()},
        [_with_pictures(c) for c in clusterings],
        sum(count >= LEAST for count in counts.values()),
        mean_curves(
            record.get("curves", []),
            list(record["methods"]),
            record["predictions"].get("target_unit", PROBABILITY),
        ),
        {name: known[name] for name in record["methods"] if name in known},
    )


def _wanted(
    record: Mapping[str, Any],
    suspects: Iterable[Mapping[str, Any]],
    clusterings: Iterable[Mapping[str, Any]],
) -> set[int]:
    said, most = record["predictions"], record["questions"].get("examples", 12)
    wanted = {entry["number"] for kind in _KINDS for entry in said[kind][:most]}
    for suspect in suspects:
        wanted.update(suspect["examples"][:_SUSPECT_EXAMPLES])
    for clustering in clusterings:
        for cluster in clustering["clusters"]:
            wanted.update(e["number"] for e in cluster["exemplars"][:_EXEMPLARS])
    return wanted


def _with_pictures(clustering: Mapping[str, Any]) -> dict[str, Any]:
    clusters = [
        {**c, "picture": mean_map_uri(np.array(c["mean_map"]))} for c in clustering["clusters"]
    ]
    return {**clustering, "clusters": clusters}


def _done(entry: Mapping[str, Any]) -> bool:
    return bool(entry["status"] == "done")


def _doubt(entry: Mapping[str, Any]) -> tuple[bool, float, int]:
    wrong = entry["label"] is not None and entry["label"] != entry["predicted"]
    # Where nothing is predicted, nothing is in doubt.
    doubt = 0.0 if entry["predicted"] is None else score_of(entry)
    return (not wrong, doubt, entry["number"])
