"""Evaluate methods over a data set: each map of each picture by each measure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from onnxplain.errors import ImageError, NumericalError, OnnxplainError, UsageError
from onnxplain.evaluate.boxes.count import Count
from onnxplain.evaluate.boxes.truth import Truth
from onnxplain.evaluate.case import Case
from onnxplain.evaluate.cases import Look, Plan, applicable, cases, look
from onnxplain.evaluate.controls import CONTROLS
from onnxplain.evaluate.evaluation import Evaluation, MeanCurve, Row
from onnxplain.evaluate.measures import Measure, find_measure
from onnxplain.evaluate.montage import montages
from onnxplain.evaluate.question import classes_of
from onnxplain.evaluate.randomise import RandomisedModels
from onnxplain.evaluate.removal import Curve
from onnxplain.inputs.dataset import Sample, noting
from onnxplain.machine import versions
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model.model import Model
from onnxplain.process.journal import in_hand

Progress = Callable[[int, int], None]


def evaluate(
    model: Model,
    samples: Sequence[Sample],
    plan: Plan,
    progress: Progress | None = None,
    *,
    truth: Truth | None = None,
) -> Evaluation:
    """Measure every map of every picture.

    With annotated boxes, the boxes of a detector are judged as well, and the maps are of the
    strongest hits of each picture, with the annotated box as the mask.

    A picture that cannot be read, in which the target is nowhere, or on which a method fails
    numerically, is left out and listed; so is a method that does not apply to the model.

    Parameters
    ----------
    model : Model
        The model.
    samples : sequence of Sample
        The pictures.
    plan : Plan
        Methods, measures and settings.
    progress : callable, optional
        Called with (pictures done, pictures in all).
    truth : Truth, optional
        What is annotated, see `onnxplain.evaluate.boxes.truth.truth_of`.

    Returns
    -------
    Evaluation

    Raises
    ------
    UsageError
        If nothing can be measured: no picture is readable, no method applies, or a
        measure needs masks, labels or classes that are not there.
    """
    measures = [find_measure(name) for name in plan.measures]
    require_measurable(measures, samples, model)
    problems: list[str] = []
    methods = applicable(model, plan, problems, judged=truth is not None)
    rows: list[Row] = []
    curves: dict[tuple[str, str], list[Curve]] = defaultdict(list)
    units: set[str] = set()
    settings = plan.settings
    lost = RandomisedModels(model, order=settings.order, steps=settings.stages, seed=plan.seed)

    def measure(seen: Look, wanted: Sequence[Measure], box: str = "") -> None:
        units.add(seen.target.unit)
        for case in cases(model, seen, methods, plan, problems, lost):
            where = f"{seen.sample.name}{box and f', {box}'}"
            for one, found in measured(case, wanted, where, problems):
                if isinstance(found, Curve):
                    curves[case.method, one.name].append(found)
                    found = found.value
                rows.append(Row(seen.sample.name, case.method, one.name, float(found), box))

    together = [m for m in measures if m.needs == "classes"]
    each = [m for m in measures if m not in together]
    failures: dict[str, OnnxplainError] = {}
    count = None if truth is None else Count(model, truth)
    for number, sample in enumerate(samples, 1):
        with noting(sample, failures), in_hand(sample.name):
            if count is not None:
                for box, seen in count.looks(sample, plan):
                    measure(seen, each, box)
            elif each:
                measure(look(model, sample, plan, problems), each)
        if progress is not None:
            progress(number, len(samples))
    problems += failures
    for seen in montages(model, samples, plan, problems) if together else ():
        measure(seen, together)
    score = None if count is None else count.score()
    if not rows and not (score and score.pictures):
        first = next(iter(failures.values()), None)
        kind = UsageError if first is None or isinstance(first, ImageError) else type(first)
        raise kind(f"nothing could be measured: {'; '.join(problems[:3])}")
    return Evaluation(
        rows,
        [_mean(*key, found) for key, found in curves.items()],
        frozenset(CONTROLS) if plan.controls else frozenset(),
        problems,
        {**_provenance(model, samples, plan), "unit": ", ".join(sorted(units))},
        plan.seed,
        score,
        model.labels,
    )


def measured(
    case: Case, wanted: Sequence[Measure], where: str, problems: list[str]
) -> Iterator[tuple[Measure, float | Curve]]:
    """Ask of a case what applies to it; what has no number on it, and why, goes to `problems`."""
    for one in wanted:
        if one.needs != "classes" and not one.applies(case):
            continue
        try:
            found = one.function(case)
        except NumericalError as error:
            problems.append(f"{where}, {case.method}, {one.name}: {error}")
        else:
            yield one, found


def require_measurable(
    measures: Sequence[Measure], samples: Sequence[Sample], model: Model
) -> None:
    """Check that some picture, and the model, has what each measure needs.

    Raises
    ------
    UsageError
        If a measure needs masks or labels that no picture has, or classes that the model
        has not.
    """
    classes = classes_of(model)
    for measure in measures:
        if classes is None and measure.needs in ("label", "classes", "rivals"):
            raise UsageError(
                f"measure {measure.name!r} needs classes, and the model answers "
                f"{model.task.name}; choose other measures"
            )
        if measure.needs == "probability":
            _require_probability(measure, model)
        if measure.needs == "classes" and model.network.answer.places:
            raise UsageError(
                f"measure {measure.name!r} needs one answer for each picture, and the model "
                "answers at many places; choose other measures"
            )
        if measure.needs == "rivals" and model.task.name == "yes-no":
            raise UsageError(
                f"measure {measure.name!r} needs a model of several classes: the maps of yes and "
                "no come from one score; choose other measures"
            )
    present = {
        "mask": any(s.has_mask or s.annotation for s in samples),
        "label": any(s.label is not None for s in samples),
    }
    for measure in measures:
        if not present.get(measure.needs, True):
            raise UsageError(
                f"measure {measure.name!r} needs a {measure.needs}, and no picture of the data "
                "set has one; give a table or a folder of masks, or choose other measures"
            )


def _require_probability(measure: Measure, model: Model) -> None:
    classes = classes_of(model)
    if classes is None or "probability" not in classes.readings:
        what = f"answers {model.task.name}" if classes is None else "gives raw scores"
        raise UsageError(
            f"measure {measure.name!r} needs probabilities, and the model {what}; choose deletion "
            "or insertion"
            + ("" if classes is None else ", or declare probabilities or logits with --scores")
        )


def _mean(method: str, measure: str, curves: list[Curve]) -> MeanCurve:
    return MeanCurve(method, measure, curves[0].shares, np.mean([c.scores for c in curves], axis=0))


def _provenance(model: Model, samples: Sequence[Sample], plan: Plan) -> dict[str, Any]:
    return {
        "model": model.name,
        "model_sha256": model.sha256,
        "model_files": model.identity.to_list(),
        "preprocess": model.preprocess.to_dict(),
        "preprocess_sha256": model.preprocess.sha256,
        "sources": dict(model.sources),
        "warnings": list(model.warnings),
        "pictures": len(samples),
        "methods": {
            name: {**check_parameters(find(name), given)} for name, given in plan.methods.items()
        },
        "measures": list(plan.measures),
        "explained": plan.explained,
        "target": None if plan.target is None else str(plan.target),
        "blur": plan.blur,
        "settings": asdict(plan.settings),
        "seed": plan.seed,
        "versions": versions(),
    }
