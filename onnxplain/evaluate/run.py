"""Evaluate methods over a data set: each map of each picture by each measure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.dataset import Sample
from onnxplain.errors import (
    ConversionError,
    ImageError,
    MethodRefusedError,
    NumericalError,
    UsageError,
)
from onnxplain.evaluate.case import Case
from onnxplain.evaluate.controls import CONTROLS
from onnxplain.evaluate.evaluation import Evaluation, MeanCurve, Row
from onnxplain.evaluate.localisation import smoothed
from onnxplain.evaluate.measures import Measure, find_measure
from onnxplain.evaluate.removal import Curve
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model import Model, Prediction
from onnxplain.picture import Picture
from onnxplain.provenance import versions
from onnxplain.target import Target, class_index

Progress = Callable[[int, int], None]
Explained = Literal["label", "prediction"]
Remap = Callable[..., NDArray[np.float64]]


@dataclass(frozen=True)
class Plan:
    """What is to be evaluated, and how.

    Attributes
    ----------
    methods : mapping of str to mapping
        Parameters by method name.
    measures : tuple of str
        Names of measures.
    explained : {"label", "prediction"}
        Which class the maps are made for; a picture without a label has its prediction
        explained.
    blur : float
        Standard deviation in pixels of a blur of every map, controls included, before it
        is measured: the single pixels of a gradient are not meant as places.
    controls : bool
        Whether the maps that never look at the model are measured as well.
    seed : int
        Of every random draw.
    """

    methods: Mapping[str, Mapping[str, Any]]
    measures: tuple[str, ...]
    explained: Explained = "label"
    blur: float = 0.0
    controls: bool = True
    seed: int = 0


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
    _require(measures, samples)
    problems: list[str] = []
    methods = _applicable(model, plan, problems)
    rows: list[Row] = []
    curves: dict[tuple[str, str], list[Curve]] = defaultdict(list)
    for number, sample in enumerate(samples, 1):
        try:
            for case in _cases(model, sample, methods, plan, problems):
                for measure in measures:
                    if not _can(measure, case):
                        continue
                    found = measure.function(case)
                    if isinstance(found, Curve):
                        curves[case.method, measure.name].append(found)
                        found = found.area
                    rows.append(Row(sample.name, case.method, measure.name, float(found)))
        except ImageError as error:
            problems.append(f"{sample.name}: {error}")
        if progress is not None:
            progress(number, len(samples))
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


def _cases(
    model: Model,
    sample: Sample,
    methods: Sequence[str],
    plan: Plan,
    problems: list[str],
) -> Iterator[Case]:
    picture = model.read(sample.path)
    prediction = model.predict(picture)
    label = _label(model, sample)
    use_label = plan.explained == "label" and label is not None
    target = model.target(label if use_label else None, prediction, kind="probability")
    mask = sample.seen_mask(model.preprocess)
    if mask is not None and not mask.any():
        problems.append(f"{sample.name}: nothing of the mask is left in the model's input")
        mask = None

    def case(
        name: str,
        heatmap: NDArray[np.float64],
        remap: Remap,
        parameters: Mapping[str, Any] | None = None,
    ) -> Case:
        return Case(
            model, picture, target, heatmap, remap, mask, label, plan.seed, name, parameters
        )

    for name in methods:
        remap = _remap(model, name, target, plan)
        try:
            yield case(name, remap(picture, prediction), remap, plan.methods[name])
        except NumericalError as error:
            problems.append(f"{sample.name}, {name}: {error}")
        except (MethodRefusedError, ConversionError) as error:
            if f"{name}: {error}" not in problems:
                problems.append(f"{name}: {error}")
    for name in CONTROLS if plan.controls else ():
        remap = _control(name, picture, plan)
        yield case(name, remap(picture), remap)


def _remap(model: Model, name: str, target: Target, plan: Plan) -> Remap:
    def remap(picture: Picture, prediction: Prediction | None = None) -> NDArray[np.float64]:
        found = model.explain(
            picture,
            name,
            target.index,
            seed=plan.seed,
            prediction=prediction,
            **plan.methods[name],
        )
        return _blurred(found.heatmap(), plan.blur)

    return remap


def _control(name: str, first: Picture, plan: Plan) -> Remap:
    # The stream belongs to the picture, so that the random map differs from one to the next.
    rng = np.random.default_rng([plan.seed, int(first.sha256[:8], 16), 1])

    def remap(picture: Picture) -> NDArray[np.float64]:
        return _blurred(CONTROLS[name](picture.pixels, rng), plan.blur)

    return remap


def _blurred(heatmap: NDArray[np.float64], blur: float) -> NDArray[np.float64]:
    return smoothed(heatmap, blur) if blur else heatmap


def _label(model: Model, sample: Sample) -> int | None:
    if sample.label is None:
        return None
    return class_index(sample.label, model.labels, model.network.classes)


def _can(measure: Measure, case: Case) -> bool:
    return {
        "mask": case.mask is not None,
        "label": case.label is not None,
        "method": case.parameters is not None,
        "nothing": True,
    }[measure.needs]


def _require(measures: Sequence[Measure], samples: Sequence[Sample]) -> None:
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


def _applicable(model: Model, plan: Plan, problems: list[str]) -> list[str]:
    kept = []
    for name, parameters in plan.methods.items():
        method = find(name)
        check_parameters(method, parameters)
        try:
            method.requires(model.network)
        except MethodRefusedError as error:
            problems.append(f"{name}: {error}")
        else:
            kept.append(name)
    if not kept and not plan.controls:
        raise UsageError(f"no method applies to this model: {'; '.join(problems)}")
    return kept


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
        "seed": plan.seed,
        "versions": versions(),
    }
