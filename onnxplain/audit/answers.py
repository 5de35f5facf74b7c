"""Right and wrong answers, with what chance alone would allow.

Intervals of shares are Wilson's (1927, JASA 22, 209), which hold for few pictures too. The
expected calibration error is that of Naeini et al. 2015 (AAAI, "Obtaining well calibrated
probabilities using Bayesian binning") over ten equal steps of the answered class's probability.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from onnxplain.audit.records.answers import (
    AnswerSums,
    Calibration,
    ClassAnswers,
    Confusion,
    GroupAnswers,
    SureBin,
)
from onnxplain.audit.records.pictures import PROBABILITY, Done, Picture

# Tasks whose answers exclude each other; records that do not say it took every output for such.
EXCLUSIVE = (None, "classes", "yes-no")
_BINS = 10
# Of a normal distribution: 95 % lie within.
_Z = 1.959963984540054


@dataclass
class _Step:
    """Sums of the answers in one step of probability."""

    count: int = 0
    right: int = 0
    sure: float = 0.0
    variance: float = 0.0

    def add(self, sure: float, right: bool) -> None:
        self.count += 1
        self.right += right
        self.sure += sure
        self.variance += max(sure * (1 - sure), 0.0)


def count_answers(pictures: Iterable[Picture], task: str | None) -> AnswerSums | None:
    """Count answers; nothing if no picture with an answer has a label.

    Parameters
    ----------
    pictures : iterable of Picture
        Of an audit; memory does not grow with their number.
    task : str or None
        What the model answers, see `onnxplain.graph.answers.answer.Answer`.
    """
    counts: Counter[tuple[int, int | None]] = Counter()
    groups: dict[str | None, list[int]] = {}
    steps = [_Step() for _ in range(_BINS)]
    probable = task in EXCLUSIVE
    for picture in pictures:
        if not isinstance(picture, Done) or picture.label is None:
            continue
        counts[picture.label, picture.predicted] += 1
        right = picture.label == picture.predicted
        of_group = groups.setdefault(picture.group, [0, 0])
        of_group[0] += 1
        of_group[1] += right
        probable = probable and picture.predicted is not None and picture.unit == PROBABILITY
        if probable:
            steps[_step(picture.value)].add(picture.value, right)
    if not counts:
        return None
    total, all_right = counts.total(), sum(n for (t, p), n in counts.items() if t == p)
    low, high = wilson(all_right, total)
    return AnswerSums(
        low=low,
        high=high,
        classes=_classes(counts, all_right, total),
        confusions=[
            Confusion(label=t, predicted=p, count=n)
            for (t, p), n in sorted(counts.items(), key=lambda c: (c[0][0], _or_less(c[0][1])))
        ],
        groups=_groups(groups, all_right, total) if set(groups) != {None} else None,
        calibration=_calibration(steps) if probable else None,
    )


def wilson(right: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927), which holds for few pictures too.

    Parameters
    ----------
    right, count : int
        How many of how many, at least one.
    """
    share, square = right / count, _Z * _Z / count
    middle = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def _or_less(index: int | None) -> int:
    return -1 if index is None else index


def _part(count: int, right: int, all_right: int, total: int, parts: int) -> Mapping[str, Any]:
    """What is said of one part of the pictures, see `onnxplain.audit.records.answers.Part`."""
    from scipy.stats import fisher_exact

    low, high = wilson(right, count)
    chance = None
    if count < total:
        wrong, others = count - right, total - count
        table = [[right, wrong], [all_right - right, others - (all_right - right)]]
        chance = min(1.0, parts * float(fisher_exact(table).pvalue))
    return {"count": count, "right": right, "low": low, "high": high, "chance": chance}


def _classes(
    counts: Mapping[tuple[int, int | None], int], all_right: int, total: int
) -> list[ClassAnswers]:
    sums: Counter[int] = Counter()
    most: dict[int, tuple[int, int | None]] = {}
    for (label, predicted), n in sorted(counts.items(), key=lambda c: _or_less(c[0][1])):
        sums[label] += n
        if predicted != label and n > most.get(label, (0, None))[0]:
            most[label] = (n, predicted)
    return [
        ClassAnswers(
            index=index,
            taken_for=most.get(index, (0, None))[1],
            **_part(sums[index], counts.get((index, index), 0), all_right, total, len(sums)),
        )
        for index in sorted(sums)
    ]


def _groups(
    groups: Mapping[str | None, list[int]], all_right: int, total: int
) -> list[GroupAnswers]:
    return [
        GroupAnswers(group=name, **_part(count, right, all_right, total, len(groups)))
        for name, (count, right) in sorted(groups.items(), key=lambda g: (g[0] is None, g[0] or ""))
    ]


def _step(sure: float) -> int:
    """Step of a probability; an upper end belongs to it, as 1 does to the last."""
    return min(max(math.ceil(sure * _BINS) - 1, 0), _BINS - 1)


def _calibration(steps: list[_Step]) -> Calibration:
    count, right = (sum(getattr(s, what) for s in steps) for what in ("count", "right"))
    # The mean distance of a normal number from its mean is sqrt(2 / pi) standard deviations.
    by_chance = sum(math.sqrt(2 / math.pi * s.variance) for s in steps) / count
    low, high = wilson(right, count)
    return Calibration(
        count=count,
        sure=sum(s.sure for s in steps) / count,
        right=right / count,
        low=low,
        high=high,
        error=sum(abs(s.right - s.sure) for s in steps) / count,
        by_chance=by_chance,
        bins=[_bin(number, step) for number, step in enumerate(steps) if step.count],
    )


def _bin(number: int, step: _Step) -> SureBin:
    low, high = wilson(step.right, step.count)
    return SureBin(
        above=number / _BINS,
        count=step.count,
        right=step.right,
        sure=step.sure / step.count,
        low=low,
        high=high,
    )
