"""Measure candidates and controls on the same pictures, and candidates without the weights."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import (
    MethodRefusedError,
    NoSlopeError,
    NumericalError,
    OnnxplainError,
)
from onnxplain.evaluate.cases import Look, Plan, cases, look
from onnxplain.evaluate.choose.candidate import Candidate
from onnxplain.evaluate.controls import CONTROLS
from onnxplain.evaluate.imputed_regions import Probe, probe_of
from onnxplain.evaluate.measures import MEASURES, Measure
from onnxplain.evaluate.randomise import shuffled
from onnxplain.evaluate.removal import Curve
from onnxplain.evaluate.run import Progress, measured
from onnxplain.evaluate.similarity import spearman
from onnxplain.inputs.dataset import Sample, noting
from onnxplain.model.model import Model
from onnxplain.process.journal import in_hand

FAITHFUL, ROBUST = "imputed-regions", "jpeg-consistency"
LOCAL = ("rank-accuracy", "energy-in-mask")
# The control that is each candidate's own: its map of a network whose weights were shuffled.
SHUFFLED = "shuffled"
# Maps of shuffled networks in all, at least; with 39 the second highest is a chance of 5 %.
NULLS = 40
# Pictures on which robustness is measured: it takes a map more for each.
_ROBUST_PICTURES = 5


@dataclass
class Measured:
    """Every number.

    Attributes
    ----------
    values : mapping of str to mapping of str to mapping of str to float
        By measure, then candidate or control, then picture.
    null : mapping of str to list of float
        Of each candidate, what `FAITHFUL` gives its maps of shuffled networks.
    alike : mapping of str to list of float
        Rank correlation of the magnitudes of those maps with the candidate's own.
    agreement : mapping of str to list of float
        Rank correlation with the maps of the other candidates, mean of each picture.
    seconds : mapping of str to list of float
        For each map.
    pictures : list of str
        Names of those that were measured.
    problems : list of str
        What was left out, and why.
    """

    values: dict[str, dict[str, dict[str, float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    null: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    alike: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    agreement: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    pictures: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def shuffled_model(model: Model, seen: Look, seed: int, number: int) -> Model:
    """Return a model whose weights have changed places.

    Every map of the null has a network of its own. Maps of one network are alike in how well they
    do by chance: forty of ten networks would say less about the next network than forty of forty.

    Parameters
    ----------
    model : Model
        The model.
    seen : Look
        What is explained in a picture; the weights on the way to it are shuffled.
    seed, number : int
        Of the measurement, and which of its networks.
    """
    tensor = seen.target.origin or model.network.head.logits
    return shuffled(model, tensor, (seed << 32) + number)


def measure(
    model: Model,
    samples: Sequence[Sample],
    candidates: Sequence[Candidate],
    measures: Sequence[str],
    plan: Plan,
    progress: Progress | None = None,
) -> Measured:
    """Measure all candidates and controls on each picture.

    Parameters
    ----------
    model : Model
        The model.
    samples : sequence of Sample
        The pictures.
    candidates : sequence of Candidate
        Methods with parameters.
    measures : sequence of str
        Names; `FAITHFUL` has to be among them.
    plan : Plan
        What is explained, the seed and how measures are made; its methods are not read.
    progress : callable, optional
        Called with (pictures done, pictures in all).
    """
    found = Measured()
    failures: dict[str, OnnxplainError] = {}
    each = math.ceil(NULLS / len(samples))
    robust = {s.name for s in samples[:: max(1, len(samples) // _ROBUST_PICTURES)]}
    wanted = [MEASURES[name] for name in measures]
    for number, sample in enumerate(samples):
        with noting(sample, failures), in_hand(sample.name):
            seen = look(model, sample, plan, found.problems)
            also = [MEASURES[ROBUST]] if sample.name in robust and ROBUST not in measures else []
            maps = _measure_maps(found, model, seen, candidates, wanted, also, plan)
            if maps.probe is not None:
                numbers = range(number * each, number * each + each)
                networks = (shuffled_model(model, seen, plan.seed, k) for k in numbers)
                _measure_shuffled(found, networks, seen, candidates, maps, plan)
                found.pictures.append(sample.name)
        if progress is not None:
            progress(number + 1, len(samples))
    found.problems += failures
    return found


@dataclass
class _Maps:
    by_label: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    probe: Probe | None = None


def _measure_maps(
    found: Measured,
    model: Model,
    seen: Look,
    candidates: Sequence[Candidate],
    wanted: Sequence[Measure],
    also: Sequence[Measure],
    plan: Plan,
) -> _Maps:
    """Measure what is seen of one picture by the network as it is."""
    maps = _Maps()
    name = seen.sample.name

    def note(label: str, case: Any, asked: Sequence[Measure]) -> None:
        for one, value in measured(case, asked, name, found.problems):
            number = value.value if isinstance(value, Curve) else float(value)
            found.values[one.name][label][name] = number

    for candidate in candidates:
        own = replace(plan, methods={candidate.method: candidate.parameters}, controls=False)
        for case in cases(model, seen, [candidate.method], own, found.problems):
            maps.by_label[candidate.label] = case.heatmap
            assert case.explanation is not None
            found.seconds[candidate.label].append(case.explanation.seconds)
            note(candidate.label, case, [*wanted, *also])
    for case in cases(model, seen, (), replace(plan, methods={}, controls=True), found.problems):
        note(case.method, case, wanted)
        if maps.probe is None:
            try:
                maps.probe = probe_of(case)
            except NumericalError:  # noted by the measure
                return maps
    pairs: dict[str, list[float]] = defaultdict(list)
    for (a, one), (b, other) in itertools.combinations(maps.by_label.items(), 2):
        both = spearman(one, other)
        pairs[a].append(both)
        pairs[b].append(both)
    for label, agreed in pairs.items():
        found.agreement[label].append(float(np.mean(agreed)))
    return maps


def _measure_shuffled(
    found: Measured,
    networks: Iterable[Model],
    seen: Look,
    candidates: Sequence[Candidate],
    maps: _Maps,
    plan: Plan,
) -> None:
    """Measure candidates' maps of networks that know nothing, by what the real one uses."""
    assert maps.probe is not None
    values: dict[str, list[float]] = defaultdict(list)
    for other in networks:  # one at a time: each holds a whole model
        for candidate in candidates:
            own = maps.by_label.get(candidate.label)
            made = None if own is None else map_of(other, seen, candidate, plan.seed)
            if own is not None and made is not None:
                values[candidate.label].append(maps.probe.correlation(made))
                found.alike[candidate.label].append(spearman(np.abs(own), np.abs(made)))
    for label, numbers in values.items():
        found.null[label] += numbers
        found.values[FAITHFUL][own_control(label)][seen.sample.name] = float(np.mean(numbers))


def map_of(other: Model, seen: Look, candidate: Candidate, seed: int) -> NDArray[np.float64] | None:
    """Return a candidate's map by another network of the same graph; none where it has none."""
    try:
        # Such a network may answer hardly at all: its engines need not agree on noise.
        explained = other.explain(
            seen.picture, candidate.method, seen.aim(candidate.method), seed=seed,
            allow_mismatch=True, **candidate.parameters,
        )  # fmt: skip
    except (NoSlopeError, NumericalError, MethodRefusedError):
        return None
    return explained.heatmap()


def own_control(label: str) -> str:
    """Name under which a candidate's maps of shuffled networks are kept beside the controls."""
    return f"{SHUFFLED} {label}"


def controls_of(label: str, measure: str) -> tuple[str, ...]:
    """Names of what a candidate is compared with by a measure."""
    return (*CONTROLS, *((own_control(label),) if measure == FAITHFUL else ()))
