"""Pictures under each plausible preprocessing, and which of them the answers speak for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import ImageError, NumericalError, OnnxplainError, UsageError
from onnxplain.inputs.dataset import Sample, noting
from onnxplain.inputs.guess import plausible
from onnxplain.inputs.picture import read_picture
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.model.preset_evidence import Evidence, beats, enough, evidence, witnesses
from onnxplain.process.journal import in_hand

if TYPE_CHECKING:
    from onnxplain.model.model import Model
    from onnxplain.tasks.prediction import Prediction

MOST_PICTURES = 16
# Before the place where a preprocessing is declared, in the reason for trying it.
DECLARED = "declared: "
_WITH_CLASSES = ("classes", "yes-no", "labels")


@dataclass(frozen=True)
class Said:
    """What the model says about one picture.

    Attributes
    ----------
    index, name : int and str
        The best class; the name is empty if it has none.
    score : float
        Of that class.
    unit : str
        What the score is: a probability only where the graph or the user makes it one.
    """

    index: int
    name: str
    score: float
    unit: str


@dataclass(frozen=True)
class Tried:
    """One preprocessing and what came of it.

    Attributes
    ----------
    recipe : Preprocess
        The preprocessing.
    reason : str
        What speaks for it before any picture is seen.
    said : tuple of Said
        For each picture; empty if the scores are not numbers.
    evidence : Evidence, optional
        What the answers say for it; ``None`` if the scores are not numbers.
    problem : str
        Why there is none.
    """

    recipe: Preprocess
    reason: str
    said: tuple[Said, ...] = ()
    evidence: Evidence | None = None
    problem: str = ""


@dataclass(frozen=True)
class Trial:
    """All of them.

    Attributes
    ----------
    pictures : tuple of str
        Names of those that could be read.
    tried : tuple of Tried
        The most plausible one first.
    rivals : tuple of str
        Names of those that the pictures do not tell from the first one.
    failures : dict of str to OnnxplainError
        Pictures that were left out, by a line that says why.
    """

    pictures: tuple[str, ...]
    tried: tuple[Tried, ...]
    rivals: tuple[str, ...] = ()
    failures: dict[str, OnnxplainError] = field(default_factory=dict)

    @property
    def first(self) -> Tried:
        """The most plausible one."""
        return self.tried[0]

    @property
    def decided(self) -> bool:
        """Whether the pictures, or the graph alone, leave one."""
        return self.first.evidence is not None and not self.rivals

    @property
    def too_few(self) -> bool:
        """Whether so few pictures, or pictures of so few things, could decide nothing."""
        found = self.first.evidence
        return found is None or not enough(witnesses(found))


def try_preprocessings(
    model: Model, samples: Sequence[Sample], *, step: Callable[[], None] = lambda: None
) -> Trial:
    """Run some pictures under each preprocessing that the graph does not contradict.

    The declared one, if the model has one, is tried as well.

    Parameters
    ----------
    model : Model
        The opened model; it must answer with classes.
    samples : sequence of Sample
        The pictures. If the classes of all are known, they decide first.
    step : callable
        Called for each picture.

    Raises
    ------
    UsageError
        If the model does not answer with classes.
    ImageError
        If no picture can be read.
    """
    if model.task.name not in _WITH_CLASSES:
        raise UsageError(
            f"--try compares the classes that a model answers, and this one answers "
            f"{model.task.name}; declare its preprocessing with --preprocess FILE or PRESET"
        )
    failures: dict[str, OnnxplainError] = {}
    kept: list[Sample] = []
    rows: dict[str, list[Prediction | None]] = {}
    candidates = candidates_of(model)
    for sample in samples:
        found: list[Prediction | None] = []
        with noting(sample, failures), in_hand(sample.name):
            found = [_predicted(model, sample, recipe) for recipe, _ in candidates]
            kept.append(sample)
            rows[sample.name] = found
        step()
    if not kept:
        problem = next(iter(failures.values()), None)
        raise problem or ImageError("there is no picture to try")
    classes = _classes(model, kept)
    tried = [
        _weighed(recipe, reason, [rows[s.name][k] for s in kept], classes)
        for k, (recipe, reason) in enumerate(candidates)
    ]
    ranked = _usual_first(sorted(tried, key=_merit, reverse=True), tried)
    return Trial(tuple(s.name for s in kept), tuple(ranked), _rivals(ranked), failures)


def candidates_of(model: Model) -> list[tuple[Preprocess, str]]:
    """List the preprocessings to try, each with what speaks for it; the declared one first."""
    origin = model.sources["preprocess"]
    found = [] if origin.startswith("a guess") else [(model.preprocess, f"{DECLARED}{origin}")]
    found += plausible(model.network.graph, model.network.image)
    distinct: dict[str, tuple[Preprocess, str]] = {}
    for recipe, why in found:
        distinct.setdefault(recipe.sha256, (recipe, why))
    return list(distinct.values())


def _predicted(model: Model, sample: Sample, recipe: Preprocess) -> Prediction | None:
    picture = read_picture(sample.path, recipe, model.network.image)
    try:
        return model.predict(picture)
    except NumericalError:
        return None


def _scores(prediction: Prediction) -> NDArray[np.float64]:
    """Return the logits; without them the numbers there are, of probabilities the logarithms."""
    if "logit" not in prediction.kinds and "probability" in prediction.kinds:
        likely = np.asarray(prediction.kinds["probability"], np.float64)
        return np.log(np.maximum(likely, np.finfo(np.float32).tiny))
    return np.asarray(prediction.kinds.get("logit", prediction.kinds.get("raw")), np.float64)


def _weighed(
    recipe: Preprocess,
    reason: str,
    predictions: Sequence[Prediction | None],
    classes: Sequence[int] | None,
) -> Tried:
    told = [p for p in predictions if p is not None]
    scores = np.stack([_scores(p) for p in told]) if told else np.zeros((0, 1))
    if len(told) < len(predictions) or not np.isfinite(scores).all():
        return Tried(recipe, reason, problem="the scores are not finite numbers")
    said = tuple(
        Said(p.winner, p.names[p.winner] if p.names else "", float(p.scores[p.winner]), p.unit)
        for p in told
    )
    return Tried(recipe, reason, said, evidence(scores, [s.index for s in said], classes))


def _classes(model: Model, samples: Sequence[Sample]) -> list[int] | None:
    """Classes of the pictures, if all are known to the model."""
    labels = [s.label for s in samples]
    if None in labels:
        return None
    try:
        return [model.task.index(label) for label in labels if label is not None]
    except UsageError:  # folders that are no classes of the model
        return None


def _merit(tried: Tried) -> tuple[float, float]:
    found = tried.evidence
    if found is None:
        return (-1.0, -np.inf)
    return (found.right or 0.0, found.strength)


def same_values(one: Preprocess, two: Preprocess) -> bool:
    """Whether two recipes give the same values to pixels, and differ in how pictures are cut."""
    bounds = zip(one.bounds(), two.bounds(), strict=True)
    return one.color == two.color and all(np.array_equal(a, b) for a, b in bounds)


def _usual_first(ranked: list[Tried], usual: Sequence[Tried]) -> list[Tried]:
    """Begin with the declared recipe, or the more usual cut, if pictures do not tell them apart."""
    rivals = _rivals(ranked)
    for tried in usual:
        if tried is ranked[0]:
            break
        likely = tried.reason.startswith(DECLARED) or same_values(tried.recipe, ranked[0].recipe)
        if tried.recipe.name in rivals and likely:
            return [tried, *(t for t in ranked if t is not tried)]
    return ranked


def _rivals(tried: Sequence[Tried]) -> tuple[str, ...]:
    first, *others = tried
    if first.evidence is None:
        return tuple(t.recipe.name for t in others)
    return tuple(
        t.recipe.name
        for t in others
        if t.evidence is not None and not beats(first.evidence, t.evidence)
    )


def to_dict(trial: Trial) -> dict[str, Any]:
    """Plain data for JSON.

    Its keys are ``pictures``; ``tried``, the most plausible first, each with ``preset``,
    ``reason``, ``height``, ``alike``, ``right``, ``answers`` (index, name, score, unit for each
    picture), ``preprocess`` and ``problem``; ``decided``, ``rivals`` and ``left_out``.
    """
    return {
        "pictures": list(trial.pictures),
        "tried": [_entry(t) for t in trial.tried],
        "decided": trial.decided,
        "rivals": list(trial.rivals),
        "left_out": list(trial.failures),
    }


def _entry(tried: Tried) -> dict[str, Any]:
    found = tried.evidence
    return {
        "preset": tried.recipe.name,
        "reason": tried.reason,
        "height": None if found is None else float(found.height.mean()),
        "alike": None if found is None else found.alike,
        "right": None if found is None else found.right,
        "answers": [vars(s) for s in tried.said],
        "preprocess": tried.recipe.to_dict(),
        "problem": tried.problem,
    }
