"""Evaluate methods over a data set: each map of each picture by each measure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from onnxplain.errors import ImageError, UsageError
from onnxplain.evaluate.cases import Look, Plan, applicable, cases, look
from onnxplain.evaluate.controls import CONTROLS
from onnxplain.evaluate.evaluation import Evaluation, MeanCurve, Row
from onnxplain.evaluate.measures import Measure, find_measure
from onnxplain.evaluate.montage import montages
from onnxplain.evaluate.randomise import RandomisedModels
from onnxplain.evaluate.removal import Curve
from onnxplain.inputs.dataset import Sample
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model.model import Model
from onnxplain.provenance import versions

Progress = Callable[[int, int], None]


def evaluate(
    model: Model, samples: Sequence[Sample], plan: Plan, progress: Progress | None = None
) -> Evaluation:
    """Measure every map of every picture.

    A picture that cannot be read, or on which a method fails numerically, is left out
    and listed; so is a method that does not apply to the model.

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

    Returns
    -------
    Evaluation

    Raises
    ------
    UsageError
        If nothing can be measured: no picture is readable, no method applies, or a
        measure needs masks or labels that no picture has.
    """
    measures = [find_measure(name) for name in plan.measures]
    require_measurable(measures, samples)
    problems: list[str] = []
    methods = applicable(model, plan, problems)
    rows: list[Row] = []
    curves: dict[tuple[str, str], list[Curve]] = defaultdict(list)
    settings = plan.settings
    lost = RandomisedModels(model, order=settings.order, steps=settings.stages, seed=plan.seed)

    def measure(seen: Look, wanted: Sequence[Measure]) -> None:
        for case in cases(model, seen, methods, plan, problems, lost):
            for one in wanted:
                if one.needs != "classes" and not one.applies(case):
                    continue
                found = one.function(case)
                if isinstance(found, Curve):
                    curves[case.method, one.name].append(found)
                    found = found.value
                rows.append(Row(seen.sample.name, case.method, one.name, float(found)))

    together = [m for m in measures if m.needs == "classes"]
    each = [m for m in measures if m not in together]
    for number, sample in enumerate(samples, 1):
        try:
            if each:
                measure(look(model, sample, plan, problems), each)
        except ImageError as error:
            problems.append(f"{sample.name}: {error}")
        if progress is not None:
            progress(number, len(samples))
    for seen in montages(model, samples, plan, problems) if together else ():
        measure(seen, together)
    if not rows:
        raise UsageError(f"nothing could be measured: {'; '.join(problems[:3])}")
    return Evaluation(
        rows,
        [_mean(*key, found) for key, found in curves.items()],
        frozenset(CONTROLS) if plan.controls else frozenset(),
        problems,
        _provenance(model, samples, plan),
        plan.seed,
    )


def require_measurable(measures: Sequence[Measure], samples: Sequence[Sample]) -> None:
    """Check that some picture has what each measure needs.

    Raises
    ------
    UsageError
        If a measure needs masks or labels that no picture has.
    """
    present = {
        "mask": any(s.has_mask for s in samples),
        "label": any(s.label is not None for s in samples),
    }
    for measure in measures:
        if not present.get(measure.needs, True):
            raise UsageError(
                f"measure {measure.name!r} needs a {measure.needs}, and no picture of the data "
                "set has one; give a table or a folder of masks, or choose other measures"
            )


def _mean(method: str, measure: str, curves: list[Curve]) -> MeanCurve:
    return MeanCurve(method, measure, curves[0].shares, np.mean([c.scores for c in curves], axis=0))


def _provenance(model: Model, samples: Sequence[Sample], plan: Plan) -> dict[str, Any]:
    return {
        "model": model.name,
        "model_sha256": model.sha256,
        "preprocess": model.preprocess.to_dict(),
        "preprocess_sha256": model.preprocess.sha256,
        "pictures": len(samples),
        "methods": {
            name: {**check_parameters(find(name), given)} for name, given in plan.methods.items()
        },
        "measures": list(plan.measures),
        "explained": plan.explained,
        "blur": plan.blur,
        "settings": asdict(plan.settings),
        "seed": plan.seed,
        "versions": versions(),
    }
