"""What an audit's results say as a whole: by class, by method, and by picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.records.pictures import Done, MethodSanity
from onnxplain.audit.records.summaries import MeasureSum, PredictionSums, Ranked, SanitySum
from onnxplain.audit.store import Results
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
    for picture in done(results):
        for method, result in picture.methods.items():
            key = (picture.explained, method)
            summary = found.setdefault(key, ClassSummary(*key))
            summary.numbers.append(picture.number)
            share = evidence_map(results, picture.number, method)
            summary.mean_map += (share - summary.mean_map) / len(summary.numbers)
            for zone, part in result.evidence.items():
                zones[key][zone].append(part)
            if picture.mask_area is not None:
                off = (1 - result.evidence["mask"], 1 - picture.mask_area)
                summary.off_object.append(off)
    for key, summary in found.items():
        summary.evidence = {z: float(np.mean(parts)) for z, parts in zones[key].items()}
    return [found[key] for key in sorted(found, key=in_order)]


def done(results: Results) -> Iterator[Done]:
    """Those pictures that could be examined, in the order of their numbers."""
    return (picture for picture in results.pictures() if isinstance(picture, Done))


def in_order(key: tuple[int | None, str]) -> tuple[int, str]:
    """Sort a class and a method; what has no index comes first."""
    return -1 if key[0] is None else key[0], key[1]


def summarise_measures(results: Results) -> list[MeasureSum]:
    """Mean, spread and extremes of each number about each method's maps, over all pictures.

    Of a method whose maps got warnings, ``warnings`` is the share of the pictures with one.
    """
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    warned: dict[str, list[float]] = defaultdict(list)
    for picture in done(results):
        for method, result in picture.methods.items():
            for name, number in {**result.record, **result.measures}.items():
                if number is not None:
                    values[method, name].append(number)
            warned[method].append(float(bool(result.warnings)))
    values.update({(m, "warnings"): shares for m, shares in warned.items() if any(shares)})
    return [
        MeasureSum(
            method=method,
            measure=name,
            count=len(found),
            mean=float(np.mean(found)),
            deviation=float(np.std(found, ddof=1)) if len(found) > 1 else 0.0,
            least=float(min(found)),
            most=float(max(found)),
        )
        for (method, name), found in sorted(values.items())
    ]


def summarise_sanity(results: Results) -> list[SanitySum]:
    """Each method's verdict in words, from the mean over the pictures checked."""
    found: dict[str, list[MethodSanity]] = defaultdict(list)
    for picture in results.sanity():
        for method, result in picture.methods.items():
            found[method].append(result)
    return [_sanity(method, checks) for method, checks in sorted(found.items())]


def _sanity(method: str, checks: list[MethodSanity]) -> SanitySum:
    left = float(np.mean([c.left for c in checks]))
    others = [c.other_class for c in checks if c.other_class is not None]
    other = float(np.mean(others)) if len(others) == len(checks) else None
    return SanitySum(
        method=method,
        pictures=len(checks),
        left=left,
        layers=checks[0].layers,
        spearman=np.mean([c.spearman for c in checks], axis=0).tolist(),
        verdict=verdict(left, "what the network has learned"),
        other_class=other,
        other_class_verdict=None if other is None else verdict(other, "the class"),
    )


def summarise_predictions(results: Results, examples: int) -> PredictionSums:
    """Accuracy, and the answers with the largest and smallest scores, right and wrong.

    There is nothing to be right or wrong, or sure, where a model does not answer classes.
    The units of the scores and of the explained numbers are said if the entries do.

    Parameters
    ----------
    results : Results
        The results.
    examples : int
        At most so many pictures of each kind.
    """
    scored, right, labelled = 0, 0, 0
    order: Mapping[str, Callable[[Ranked], float]] = {
        "most_confident_errors": lambda e: -e.value,
        "least_confident_errors": lambda e: e.value,
        "least_confident": lambda e: e.value,
    }
    kinds: dict[str, list[Ranked]] = {kind: [] for kind in order}
    unit = target_unit = None
    for picture in done(results):
        scored += 1
        unit = picture.said_unit or unit
        target_unit = picture.said_target_unit or target_unit
        if picture.predicted is None:
            continue
        labelled += picture.label is not None
        right += picture.label is not None and not picture.is_wrong
        for kind, key in order.items():
            if picture.is_wrong or "errors" not in kind:
                kept = [*kinds[kind], _ranked(picture, picture.predicted)]
                kinds[kind] = sorted(kept, key=lambda e: (key(e), e.number))[:examples]
    return PredictionSums(
        scored=scored,
        labelled=labelled,
        right=right,
        accuracy=right / labelled if labelled else None,
        said_unit=unit,
        said_target_unit=target_unit,
        **kinds,
    )


def _ranked(picture: Done, predicted: int) -> Ranked:
    return Ranked(
        number=picture.number,
        name=picture.name,
        label=picture.label,
        predicted=predicted,
        probability=picture.probability,
        score=picture.score,
        said_unit=picture.said_unit,
    )


def evidence_map(results: Results, number: int, method: str) -> NDArray[np.float64]:
    """Return the positive evidence of one picture, adding up to 1; even where there is none."""
    values = results.map(number, method)
    assert values is not None
    evidence = np.maximum(values.astype(np.float64), 0.0).reshape(SIDE, SIDE)
    total = evidence.sum()
    return evidence / total if total else np.full((SIDE, SIDE), 1 / SIDE**2)
