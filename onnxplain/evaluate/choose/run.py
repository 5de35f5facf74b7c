"""Choose a method for a model on a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onnxplain.errors import UsageError
from onnxplain.evaluate.cases import Plan, applicable
from onnxplain.evaluate.choose.candidate import Candidate, default_candidates
from onnxplain.evaluate.choose.choice import Choice
from onnxplain.evaluate.choose.measuring import FAITHFUL, LOCAL, measure
from onnxplain.evaluate.choose.rule import choose_from
from onnxplain.evaluate.measures import find_measure
from onnxplain.evaluate.run import Progress, require_measurable
from onnxplain.inputs.dataset import Sample
from onnxplain.machine import versions
from onnxplain.model.model import Model
from onnxplain.targets.request import TargetLike


def choose(
    model: Model,
    samples: Sequence[Sample],
    candidates: Sequence[Candidate] = (),
    *,
    measures: Sequence[str] = (),
    target: TargetLike = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Choice:
    """Measure methods on a model and choose the best, if one beats the blind controls.

    Parameters
    ----------
    model : Model
        The model.
    samples : sequence of Sample
        The pictures.
    candidates : sequence of Candidate
        Methods with parameters; if none is given, those of `default_candidates`.
    measures : sequence of str
        Measures beside faithfulness by which candidates are compared with the controls; where
        masks are known, `LOCAL` if none is given. Faithfulness decides.
    target : str, int, TargetRequest or None
        What is explained in every picture; the prediction of each if not given.
    seed : int
        Of every random draw.
    progress : callable, optional
        Called with (pictures done, pictures in all).

    Returns
    -------
    Choice

    Raises
    ------
    UsageError
        If nothing can be measured, a candidate is given twice, or a measure does not tell which
        end is better, or cannot be asked of the controls.
    """
    candidates = list(candidates) or default_candidates(model)
    if len({c.label for c in candidates}) < len(candidates):
        raise UsageError("a method is given twice with the same parameters; name each once")
    own = tuple(measures) or (LOCAL if any(s.has_mask for s in samples) else ())
    names = tuple(dict.fromkeys((FAITHFUL, *(find_measure(name).name for name in own))))
    found = [find_measure(name) for name in names]
    for one in found:
        if one.better == "neither" or one.needs not in ("nothing", "mask", "label", "probability"):
            raise UsageError(
                f"measure {one.name!r} cannot be asked of the controls, so that it does not help "
                "to choose; leave it out"
            )
    require_measurable(found, samples, model)
    plan = Plan({}, names, explained="prediction", seed=seed, target=target)
    problems: list[str] = []
    kept = []
    for candidate in candidates:
        asked = replace(plan, methods={candidate.method: candidate.parameters})
        if applicable(model, asked, problems):
            kept.append(candidate)
    if not kept:
        raise UsageError(f"no method applies to this model: {'; '.join(problems)}")
    numbers = measure(model, samples, kept, names, plan, progress)
    choice = choose_from(numbers, kept, names, seed)
    return replace(
        choice,
        about={
            "model": model.name,
            "model_sha256": model.sha256,
            "preprocess_sha256": model.preprocess.sha256,
            "target": "" if target is None else str(target),
            "measures": list(names),
            "data": numbers.pictures,
            "seed": seed,
            "versions": dict(versions()),
        },
        problems=(*dict.fromkeys(problems), *choice.problems),
    )
