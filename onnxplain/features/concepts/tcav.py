"""Whether a class depends on a concept that a person shows by pictures, and how surely.

Kim, Wattenberg, Gilmer, Cai, Wexler, Viegas, Sayres 2018, "Interpretability beyond feature
attribution: quantitative testing with concept activation vectors (TCAV)", arXiv:1711.11279.

Where pictures of a class agree about their gradient, every direction has a score near 0 or 1, also
one between random pictures: then the paper's t-test, whose runs share the concept's pictures, finds
random concepts too. So strength is tested as well: the cosine between gradient and direction,
against what whole random sets have in the place of the concept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.features.archive import origin, write_archive
from onnxplain.features.concepts.examples import require_common
from onnxplain.features.concepts.layer_vectors import (
    LayerVectors,
    layer_slopes,
    layer_vectors,
    require_slope,
)
from onnxplain.features.concepts.separator import separating_direction
from onnxplain.features.passes import Progress, Skipped, batches, silent
from onnxplain.features.patches import require_same_engines
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model
from onnxplain.network.chosen_layer import tensor_of
from onnxplain.targets.target import Target

# Parts of the random pictures, each as many as a concept's: fewer tell no spread.
FEWEST_RUNS = 5
_FEWEST_PICTURES = 6
# Share of the pictures on which a direction is tested and not fitted.
_HELD_OUT = 1 / 3


@dataclass(frozen=True)
class ConceptTest:
    """How one target depends on one concept, and on random pictures in its place.

    Attributes
    ----------
    concept : str
        Its name.
    target : Target
        What was looked at.
    scores : (R,) float64 array
        TCAV score of each run: the share of pictures whose score rises in the direction of the
        concept.
    random_scores : (R,) float64 array
        The same for directions between two sets of random pictures.
    accuracy : float
        Share of held-out pictures that the directions tell apart, mean over the runs; 0.5 is
        chance.
    paper_p : float
        Of the paper's t-test between both scores, two-sided and unequal variances. It is often
        small for random pictures too: see `p`.
    sensitivity : float
        Mean cosine between slope and direction over pictures and runs; negative if the concept
        opposes the target.
    random_sensitivities : (R,) float64 array
        The same for each random set in the place of the concept, against all other random sets.
    p : float
        Two-sided p of the t-test whether the concept's sensitivity is one of those: how often a
        random set of pictures would matter as much.
    corrected_p : float
        Times the number of tests that were made (Bonferroni), at most 1.
    """

    concept: str
    target: Target
    scores: NDArray[np.float64]
    random_scores: NDArray[np.float64]
    accuracy: float
    paper_p: float
    sensitivity: float
    random_sensitivities: NDArray[np.float64]
    p: float
    corrected_p: float

    def matters(self, level: float = 0.05) -> bool:
        """Whether the concept is told from random pictures at a level of significance."""
        return self.corrected_p < level


@dataclass(frozen=True)
class ConceptTests:
    """All tests of one call.

    Attributes
    ----------
    layer : str
        Tensor name.
    tests : list of ConceptTest
        One for each target and concept.
    pictures : dict of str to int
        How many pictures of each target were looked at, by its caption.
    skipped : list of Skipped
        Pictures that could not be read.
    record : dict
        Settings, model and versions.
    """

    layer: str
    tests: list[ConceptTest]
    pictures: dict[str, int]
    skipped: list[Skipped] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write ``scores``, ``random_scores`` and ``random_sensitivities`` of all tests.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        tests = [
            {
                "concept": t.concept,
                "target": t.target.to_dict(),
                "accuracy": t.accuracy,
                "sensitivity": t.sensitivity,
                "paper_p": t.paper_p,
                "p": t.p,
                "corrected_p": t.corrected_p,
            }
            for t in self.tests
        ]
        record = {
            **self.record,
            "layer": self.layer,
            "pictures": self.pictures,
            "tests": tests,
            "skipped": self.skipped,
        }
        arrays = {
            "scores": np.array([t.scores for t in self.tests]),
            "random_scores": np.array([t.random_scores for t in self.tests]),
            "random_sensitivities": np.array([t.random_sensitivities for t in self.tests]),
        }
        write_archive(path, "concept tests", record, arrays)


def tcav(
    model: Model,
    concepts: Mapping[str, Sequence[Sample]],
    random: Sequence[Sample],
    examples: Mapping[Target, Sequence[Sample]],
    layer: str | None = None,
    *,
    places: str = "all",
    runs: int = 10,
    size: int | None = None,
    ridge: float = 0.01,
    seed: int = 0,
    allow_mismatch: bool = False,
    progress: Progress = silent,
) -> ConceptTests:
    """Test whether targets depend on concepts.

    The random pictures are cut into parts that share no picture, each as large as a concept. In
    each run a direction is fitted between the concept and one part. For comparison, each part
    takes the place of the concept against all others.

    Parameters
    ----------
    model : Model
        The opened model; activations come from ONNX Runtime, gradients from PyTorch.
    concepts : mapping of str to sequence of Sample
        Pictures that show a concept, by its name.
    random : sequence of Sample
        Pictures without anything in common.
    examples : mapping of Target to sequence of Sample
        Pictures whose score is looked at, such as those of a class.
    layer : str, optional
        Any tensor; the layer of class activation maps if not given.
    places : {"all", "mean"}
        See `layer_vectors`; the paper takes all.
    runs : int
        At most so many; fewer if there are not enough random pictures.
    size : int, optional
        Pictures of a concept in a run; as many as the smallest concept has, if not given.
    ridge : float
        See `separating_direction`.
    seed : int
        Of the parts, and of what is held out.
    allow_mismatch : bool
        Go on although PyTorch and ONNX Runtime disagree on a picture.
    progress : callable
        Told how many of how many pictures are done.

    Returns
    -------
    ConceptTests

    Raises
    ------
    UsageError
        If there are too few pictures of something.
    NoSlopeError
        If the score does not depend on the layer.
    ParityError
        If the engines disagree.
    """
    tensor = tensor_of(model.network, layer)
    if not concepts or not examples or runs < FEWEST_RUNS:
        raise UsageError(f"TCAV needs a concept, a target, and {FEWEST_RUNS} or more runs")
    for target in examples:
        require_common(target)
    total = sum(map(len, [*concepts.values(), random, *examples.values()]))
    seen = 0

    def read(samples: Sequence[Sample]) -> LayerVectors:
        nonlocal seen
        before = seen
        found = layer_vectors(
            model, samples, tensor, places, progress=lambda done, _: progress(before + done, total)
        )
        seen += len(samples)
        return found

    shown, pool = {name: read(samples) for name, samples in concepts.items()}, read(random)
    each = size or min(len(found.vectors) for found in shown.values())
    for name, found in shown.items():
        _require(len(found.vectors), max(each, _FEWEST_PICTURES), f"concept {name!r}")
    _require(each, _FEWEST_PICTURES, "a run (--per-run)")
    _require(len(pool.vectors), each * FEWEST_RUNS, "the random set")
    count = min(runs, len(pool.vectors) // each)
    skipped = [s for found in (*shown.values(), pool) for s in found.skipped]
    slopes: dict[Target, NDArray[np.float64]] = {}
    checked = allow_mismatch
    for target, samples in examples.items():
        parts = []
        for indices, x, done in batches(model, samples, skipped):
            if not checked:
                require_same_engines(model, model.read(samples[indices[0]].path), allow_mismatch)
                checked = True
            parts.append(layer_slopes(model, x, target, tensor, places))
            progress(seen + done, total)
        seen += len(samples)
        slopes[target] = np.concatenate(parts)
        require_slope(slopes[target], tensor)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pool.vectors))[: count * each].reshape(count, each)
    parts_of = [pool.vectors[rows] for rows in order]
    fit = _Fit(list(slopes.values()), ridge, rng)
    measured = {}
    for name, found in shown.items():
        own = [found.vectors[rng.permutation(len(found.vectors))[:each]] for _ in range(count)]
        measured[name] = [fit(o, p) for o, p in zip(own, parts_of, strict=True)]
    null = {(i, j): fit(parts_of[i], parts_of[j]) for i in range(count) for j in range(i)}
    tests = []
    for k, target in enumerate(slopes):
        random_scores = np.array([null[i, i - 1].scores[k] for i in range(1, count)])
        against = {pair: found.sensitivities[k] for pair, found in null.items()}
        others = mean_against_others(against, count)
        for name, runs_of in measured.items():
            scores = np.array([r.scores[k] for r in runs_of])
            strength = float(np.mean([r.sensitivities[k] for r in runs_of]))
            p = one_of_p(strength, others)
            tests.append(
                ConceptTest(
                    name,
                    target,
                    scores,
                    random_scores,
                    float(np.mean([r.accuracy for r in runs_of])),
                    t_test(scores, random_scores),
                    strength,
                    others,
                    p,
                    min(1.0, p * len(concepts) * len(examples)),
                )
            )
    settings = {
        "places": places, "runs": count, "size": each, "ridge": ridge, "seed": seed,
        "tests": len(tests),
    }  # fmt: skip
    pictures = {target.describe(): len(own) for target, own in slopes.items()}
    return ConceptTests(tensor, tests, pictures, skipped, {**origin(model), "settings": settings})


def t_test(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Two-sided p of Welch's t-test; without any spread 1 for the same scores, 0 for others."""
    parts = [float(np.var(v, ddof=1)) / len(v) for v in (one, other)]
    if sum(parts) == 0:
        return float(one[0] == other[0])
    free = sum(parts) ** 2 / (parts[0] ** 2 / (len(one) - 1) + parts[1] ** 2 / (len(other) - 1))
    t = abs(float(one.mean() - other.mean())) / np.sqrt(sum(parts))
    return float(2 * scipy.stats.t.sf(t, free))


def mean_against_others(
    against: Mapping[tuple[int, int], float], count: int
) -> NDArray[np.float64]:
    """Mean over its opponents of what each of some sets has, from each pair (i, j) with i > j.

    The direction from j to i is that from i to j, turned round.
    """
    table = np.zeros((count, count))
    for (i, j), value in against.items():
        table[i, j], table[j, i] = value, -value
    return np.asarray(table.sum(axis=1) / (count - 1), np.float64)


def one_of_p(value: float, others: NDArray[np.float64]) -> float:
    """Two-sided p of the t-test whether a value is one more of some that lie around zero."""
    spread = float(np.sqrt((others**2).sum() / (len(others) - 1) * (1 + 1 / len(others))))
    if spread == 0:
        return float(value == 0)
    return float(2 * scipy.stats.t.sf(abs(value) / spread, len(others) - 1))


@dataclass(frozen=True)
class _Fitted:
    """What one direction says: of each target its TCAV score and its sensitivity."""

    accuracy: float
    scores: list[float]
    sensitivities: list[float]


class _Fit:
    """Fits directions and looks at the slopes of all targets along each."""

    def __init__(
        self, slopes: Sequence[NDArray[np.float64]], ridge: float, rng: np.random.Generator
    ) -> None:
        self._slopes = slopes
        sizes = [np.linalg.norm(own, axis=1) for own in slopes]
        self._sizes = [np.where(size > 0, size, 1.0) for size in sizes]
        self._ridge = ridge
        self._rng = rng

    def __call__(self, one: NDArray[Any], other: NDArray[Any]) -> _Fitted:
        """Fit the direction from the second set to the first."""
        vectors = np.concatenate([one, other])
        positive = np.arange(len(vectors)) < len(one)
        held = np.zeros(len(vectors), bool)
        for start, length in ((0, len(one)), (len(one), len(other))):
            held[start + self._rng.permutation(length)[: int(length * _HELD_OUT)]] = True
        direction, threshold = separating_direction(vectors[~held], positive[~held], self._ridge)
        said = vectors[held] @ direction > threshold
        along = [own @ direction for own in self._slopes]
        return _Fitted(
            float((said == positive[held]).mean()),
            [float((rise > 0).mean()) for rise in along],
            [float((a / size).mean()) for a, size in zip(along, self._sizes, strict=True)],
        )


def _require(count: int, least: int, what: str) -> None:
    if count < least:
        raise UsageError(f"{what} has {count} pictures; TCAV needs {least} or more there")
