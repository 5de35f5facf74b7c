"""What an audit's results say as a whole: by class, by method, and by picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.answered import score_of
from onnxplain.audit.results import Results
from onnxplain.audit.store import PICTURES, SANITY
from onnxplain.audit.zones import SIDE
from onnxplain.evaluate.sanity import verdict


@dataclass
class ClassSummary:
    """One class by one method.

    Attributes
    ----------
    index : int or None
        The explained class or value; ``None`` if the target has none.
    method : str
        The method.
    numbers : list of int
        Pictures.
    evidence : dict of str to float
        Mean share of the positive evidence in each zone; ``mask`` is a mean over those
        pictures that have one.
    mean_map : (SIDE, SIDE) array
        Mean of the pictures' positive evidence, each adding up to 1.
    off_object : list of (float, float)
        Of each picture with a mask: share of the evidence and share of the area off it.
    """

    index: int | None
    method: str
    numbers: list[int] = field(default_factory=list)
    evidence: dict[str, float] = field(default_factory=dict)
    mean_map: NDArray[np.float64] = field(default_factory=lambda: np.zeros((SIDE, SIDE)))
    off_object: list[tuple[float, float]] = field(default_factory=list)


def summarise_classes(results: Results) -> list[ClassSummary]:
    """Mean maps and zones of each explained class, by method; one pass, flat memory."""
    found: dict[tuple[int | None, str], ClassSummary] = {}
    zones: dict[tuple[int | None, str], dict[str, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for number, value in results.results(PICTURES):
        for method, result in value.get("methods", {}).items():
            key = (value["explained"], method)
            summary = found.setdefault(key, ClassSummary(*key))
            summary.numbers.append(number)
            share = evidence_map(results, number, method)
            summary.mean_map += (share - summary.mean_map) / len(summary.numbers)
            for zone, part in result["evidence"].items():
                zones[key][zone].append(part)
            if value["mask_area"] is not None:
                off = (1 - result["evidence"]["mask"], 1 - value["mask_area"])
                summary.off_object.append(off)
    for key, summary in found.items():
        summary.evidence = {z: float(np.mean(parts)) for z, parts in zones[key].items()}
    return [found[key] for key in sorted(found, key=in_order)]


def in_order(key: tuple[int | None, str]) -> tuple[int, str]:
    """Sort a class and a method; what has no index comes first."""
    return -1 if key[0] is None else key[0], key[1]


def summarise_measures(results: Results) -> list[dict[str, Any]]:
    """Mean, spread and extremes of each number about each method's maps, over all pictures.

    Of a method whose maps got warnings, ``warnings`` is the share of the pictures with one.
    """
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    warned: dict[str, list[float]] = defaultdict(list)
    for _, value in results.results(PICTURES):
        for method, result in value.get("methods", {}).items():
            for name, number in {**result["record"], **result["measures"]}.items():
                if number is not None:
                    values[method, name].append(number)
            warned[method].append(float(bool(result.get("warnings"))))
    values.update({(m, "warnings"): shares for m, shares in warned.items() if any(shares)})
    return [
        {
            "method": method,
            "measure": name,
            "count": len(found),
            "mean": float(np.mean(found)),
            "deviation": float(np.std(found, ddof=1)) if len(found) > 1 else 0.0,
            "least": float(min(found)),
            "most": float(max(found)),
        }
        for (method, name), found in sorted(values.items())
    ]


def summarise_sanity(results: Results) -> list[dict[str, Any]]:
    """Each method's verdict in words, from the mean over the pictures checked."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for _, value in results.results(SANITY):
        for method, result in value["methods"].items():
            found[method].append(result)
    lines = []
    for method, checks in sorted(found.items()):
        left = float(np.mean([c["left"] for c in checks]))
        line: dict[str, Any] = {"method": method, "pictures": len(checks), "left": left}
        line["layers"] = checks[0]["layers"]
        line["spearman"] = np.mean([c["spearman"] for c in checks], axis=0).tolist()
        line["verdict"] = verdict(left, "what the network has learned")
        if "other_class" in checks[0]:
            other = float(np.mean([c["other_class"] for c in checks]))
            line |= {"other_class": other, "other_class_verdict": verdict(other, "the class")}
        lines.append(line)
    return lines


def summarise_predictions(results: Results, examples: int) -> dict[str, Any]:
    """Accuracy, and the answers with the largest and smallest scores, right and wrong.

    There is nothing to be right or wrong, or sure, where a model does not answer classes.
    ``unit`` and ``target_unit`` say what the scores and the explained numbers are, if the
    entries do.

    Parameters
    ----------
    results : Results
        The results.
    examples : int
        At most so many pictures of each kind.
    """
    scored, right, labelled = 0, 0, 0
    order: Mapping[str, Callable[[Mapping[str, Any]], float]] = {
        "most_confident_errors": lambda v: -score_of(v),
        "least_confident_errors": score_of,
        "least_confident": score_of,
    }
    kinds: dict[str, list[dict[str, Any]]] = {kind: [] for kind in order}
    units: dict[str, str] = {}
    for number, value in results.results(PICTURES):
        if value["status"] != "done":
            continue
        scored += 1
        units |= {k: value[k] for k in ("unit", "target_unit") if k in value}
        if value["predicted"] is None:
            continue
        wrong = value["label"] is not None and value["label"] != value["predicted"]
        labelled += value["label"] is not None
        right += value["label"] is not None and not wrong
        entry = {k: value[k] for k in ("name", "label", "predicted", "probability")}
        entry |= {k: value[k] for k in ("score", "unit") if k in value}
        for kind, key in order.items():
            if wrong or "errors" not in kind:
                kept = [*kinds[kind], {"number": number, **entry}]
                kinds[kind] = sorted(kept, key=lambda v: (key(v), v["number"]))[:examples]
    accuracy = right / labelled if labelled else None
    counts = {"scored": scored, "labelled": labelled, "right": right, "accuracy": accuracy}
    return {**counts, **units, **kinds}


def evidence_map(results: Results, number: int, method: str) -> NDArray[np.float64]:
    """Return the positive evidence of one picture, adding up to 1; even where there is none."""
    values = results.map(number, method)
    assert values is not None
    evidence = np.maximum(values.astype(np.float64), 0.0).reshape(SIDE, SIDE)
    total = evidence.sum()
    return evidence / total if total else np.full((SIDE, SIDE), 1 / SIDE**2)
