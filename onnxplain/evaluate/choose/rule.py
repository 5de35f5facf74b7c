"""The rule by which a method is chosen from what was measured.

A candidate beats the controls by a measure if it beats every one of them: of its tests the one
with the largest chance counts, and these are corrected for all candidates and measures. Only who
beats them in faithfulness can be chosen. Of these the most faithful is, unless others cannot be
told from it: then the one that finds most of the masks, where there are any, else the one whose
maps change least under compression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from onnxplain.errors import UsageError
from onnxplain.evaluate.choose.candidate import Candidate
from onnxplain.evaluate.choose.choice import (
    ALPHA,
    BEATS,
    NONE,
    UNDECIDED,
    Choice,
    Conclusion,
    Finding,
    Standing,
    in_all,
)
from onnxplain.evaluate.choose.measuring import FAITHFUL, LOCAL, ROBUST, Measured, controls_of
from onnxplain.evaluate.interval import bootstrap_interval
from onnxplain.evaluate.measures import MEASURES
from onnxplain.evaluate.significance import holm, signed_rank


def choose_from(
    found: Measured, candidates: Sequence[Candidate], measures: Sequence[str], seed: int
) -> Choice:
    """Compare all candidates with the controls, and choose one.

    Parameters
    ----------
    found : Measured
        Every number.
    candidates : sequence of Candidate
        Those that were measured.
    measures : sequence of str
        By which they are compared; `FAITHFUL` is among them.
    seed : int
        Of the intervals.

    Raises
    ------
    UsageError
        If no candidate was measured on any picture.
    """
    standings = {
        (c.label, name): standing
        for c in candidates
        for name in measures
        if (standing := _standing(found, c.label, name, seed)) is not None
    }
    if not any(name == FAITHFUL for _, name in standings):
        raise UsageError(f"nothing could be measured: {'; '.join(found.problems[:3])}")
    adjusted = holm([s.chance for s in standings.values()])
    standings = {
        key: replace(s, adjusted=p) for (key, s), p in zip(standings.items(), adjusted, strict=True)
    }
    findings = {
        c.label: _finding(
            found, c, {m: s for (label, m), s in standings.items() if label == c.label}
        )
        for c in candidates
        if (c.label, FAITHFUL) in standings
    }
    order = sorted(findings, key=lambda label: (-_faithful(findings[label]).mean, label))
    findings = {label: findings[label] for label in order}
    able = [label for label in order if findings[label].conclusion == BEATS]
    tied = _tied(found, able or order, seed)
    best = min(tied, key=lambda label: _preference(findings[label], label)) if able else order[0]
    conclusion = in_all([f.conclusion for f in findings.values()])
    shown = {
        control: {m: float(np.mean(list(v[control].values()))) for m, v in found.values.items()
                  if v.get(control)}
        for control in controls_of("", "")
    }  # fmt: skip
    return Choice(
        findings,
        best,
        tuple(label for label in tied if label != best) if able else (),
        conclusion,
        len(found.pictures),
        shown,
        problems=tuple(found.problems),
        remarks=_remarks(len(found.pictures), len(standings), conclusion),
    )


def fewest_pictures(tests: int) -> int:
    """How many pictures the least of so many corrected chances needs to be small enough."""
    return int(np.ceil(np.log2(tests / ALPHA)))


def _remarks(pictures: int, tests: int, conclusion: Conclusion) -> tuple[str, ...]:
    least = fewest_pictures(tests)
    if pictures >= least:
        return ()
    return (
        f"{pictures} pictures are too few to decide anything by {tests} tests; give {least} or "
        "more, or fewer methods",
    )


def _standing(found: Measured, label: str, measure: str, seed: int) -> Standing | None:
    """Compare a candidate with each control; the hardest is kept."""
    own = found.values[measure].get(label, {})
    sign = -1.0 if MEASURES[measure].better == "lower" else 1.0
    if not own:
        return None
    numbers = np.array(list(own.values()))
    low, high = bootstrap_interval(numbers, seed)
    hardest: Standing | None = None
    for control in controls_of(label, measure):
        theirs = found.values[measure].get(control, {})
        both = [name for name in own if name in theirs]
        if not both:
            continue
        gains = np.array([sign * (own[name] - theirs[name]) for name in both])
        chance, mean = signed_rank(gains), float(gains.mean())
        if hardest is None or (chance, -mean) > (hardest.chance, -hardest.difference):
            hardest = Standing(
                float(numbers.mean()), low, high, control.partition(" ")[0], mean,
                *bootstrap_interval(gains, seed), chance,
            )  # fmt: skip
    return hardest


def _finding(found: Measured, one: Candidate, standings: Mapping[str, Standing]) -> Finding:
    faithful = standings[FAITHFUL]
    conclusion: Conclusion = UNDECIDED if faithful.difference > 0 else NONE
    if faithful.beats:
        conclusion = BEATS
    robust = list(found.values[ROBUST].get(one.label, {}).values())
    means = [
        float(np.mean(values)) if values else None
        for values in (
            found.alike[one.label], robust, found.agreement[one.label], found.seconds[one.label],
        )
    ]  # fmt: skip
    given = {key: str(value) for key, value in one.parameters.items()}
    null = tuple(found.null[one.label])
    return Finding(one.method, given, one.values, conclusion, standings, null, *means)


def _faithful(finding: Finding) -> Standing:
    return finding.standings[FAITHFUL]


def _tied(found: Measured, labels: Sequence[str], seed: int) -> list[str]:
    """Those of some candidates, the most faithful first, that it cannot be told from."""
    values = found.values[FAITHFUL]
    first = values[labels[0]]
    tied = [labels[0]]
    for label in labels[1:]:
        gains = np.array([first[n] - values[label][n] for n in first if n in values[label]])
        if len(gains) and bootstrap_interval(gains, seed)[0] <= 0:
            tied.append(label)
    return tied


def _preference(finding: Finding, label: str) -> tuple[float, float, str]:
    local = finding.standings.get(LOCAL[0])
    second = finding.robust if local is None else local.mean
    return (-(second if second is not None else -2.0), -_faithful(finding).mean, label)
