"""From a picture to the maps that are measured: every method's, and the controls'."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import (
    ConversionError,
    MethodRefusedError,
    NoSlopeError,
    NumericalError,
    UnsupportedModelError,
    UsageError,
)
from onnxplain.evaluate.case import Case, stream
from onnxplain.evaluate.controls import CONTROLS
from onnxplain.evaluate.localisation import smoothed
from onnxplain.evaluate.question import (
    aim_of,
    classes_of,
    explained_index,
    left_out_of,
    require_question,
)
from onnxplain.evaluate.randomise import RandomisedModels
from onnxplain.evaluate.settings import Settings
from onnxplain.explanations.explanation import Explanation
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.picture import Picture
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model.model import Model
from onnxplain.targets.classes import Kind
from onnxplain.targets.request import TargetLike, TargetRequest
from onnxplain.targets.target import Target
from onnxplain.tasks.prediction import Prediction

Explained = Literal["label", "prediction"]
Remap = Callable[[Picture], NDArray[np.float64]]


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
    settings : Settings
        How measures are made.
    target : str, int, TargetRequest or None
        What is explained in every picture, whatever it shows; see `explained` without it.
    against_others : bool
        Whether a logit is explained minus the mean of all others, where classes compete.
    """

    methods: Mapping[str, Mapping[str, Any]]
    measures: tuple[str, ...]
    explained: Explained = "label"
    blur: float = 0.0
    controls: bool = True
    seed: int = 0
    settings: Settings = field(default_factory=Settings)
    target: TargetLike = None
    against_others: bool = True


@dataclass(frozen=True)
class Look:
    """What a model says about one picture of a data set.

    Attributes
    ----------
    sample : Sample
        The picture's entry.
    picture : Picture
        As the model gets it.
    prediction : Prediction
        Scores of all classes.
    target : Target
        What is explained, as a probability if the model has any.
    start : Target
        The same in front of the final activation, if the model has logits.
    label : int, optional
        The true class.
    mask : (H, W) bool array, optional
        Where the evidence is, in the model's pixels.
    shared : dict
        What its maps have in common, see `Case.once_of_picture`.
    """

    sample: Sample
    picture: Picture
    prediction: Prediction
    target: Target
    start: Target
    label: int | None
    mask: NDArray[np.bool_] | None
    shared: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def index(self) -> int | None:
        """Index of the class or value that is explained; ``None`` if it has none."""
        return explained_index(self.target)

    def aim(self, method: str) -> Target:
        """Return what is explained in the form that a method explains."""
        return aim_of(method, self.target, self.start)


def look(model: Model, sample: Sample, plan: Plan, problems: list[str]) -> Look:
    """Read a picture, its mask and its label, and run the model on it.

    A mask of which nothing is left is noted in `problems` and not used.

    Raises
    ------
    ImageError
        If the picture or its mask cannot be read.
    UsageError
        If the model has no such class as the label.
    NowhereError
        If the target is nowhere in this picture.
    """
    picture = model.read(sample.path)
    classes = classes_of(model)
    label = None if classes is None or sample.label is None else classes.index(sample.label)
    use_label = plan.target is None and plan.explained == "label"
    asked = require_question(model, label if use_label else plan.target)
    prediction = model.predict(picture, position=asked.position)
    target, start = targets_of(model, asked, prediction, picture, plan.against_others)
    mask = sample.seen_mask(model.preprocess)
    if mask is not None and not mask.any():
        problems.append(f"{sample.name}: nothing of the mask is left in the model's input")
        mask = None
    return Look(sample, picture, prediction, target, start, label, mask)


def targets_of(
    model: Model,
    asked: TargetRequest,
    prediction: Prediction,
    picture: Picture,
    others: bool = True,
) -> tuple[Target, Target]:
    """Targets of a picture as scores of changed pictures are read, and as gradients start."""
    forms: tuple[tuple[Kind, bool], ...] = (("probability", True), ("logit", False))
    target, start = (
        model.target(
            replace(asked, by_match=match), prediction, picture=picture, kind=kind,
            others=others,
        )
        for kind, match in forms
    )  # fmt: skip
    return target, start


def cases(
    model: Model,
    seen: Look,
    methods: Sequence[str],
    plan: Plan,
    problems: list[str],
    lost: RandomisedModels | None = None,
) -> Iterator[Case]:
    """Map by map of one picture: the methods', then the controls'.

    A method that fails on this picture is noted in `problems` with the picture, one that
    fails on the model once. Models without their weights are shared by all pictures if
    they are given.
    """

    def case(name: str, heatmap: NDArray[np.float64], remap: Remap, **more: Any) -> Case:
        return Case(
            model, seen.picture, seen.target, heatmap, remap, seen.mask, seen.label,
            plan.seed, name, start=seen.start, settings=plan.settings, lost=lost,
            shared=seen.shared, **more,
        )  # fmt: skip

    for name in methods:
        try:
            found = _explain(model, name, seen.aim(name), plan, seen.picture, seen.prediction)
        except (NoSlopeError, NumericalError) as error:
            problems.append(f"{seen.sample.name}, {name}: {error}")
        except (MethodRefusedError, ConversionError, UnsupportedModelError) as error:
            if f"{name}: {error}" not in problems:
                problems.append(f"{name}: {error}")
        else:
            heatmap = _blurred(found.heatmap(), plan.blur)
            remap = _remap(model, name, seen.aim(name), plan)
            given = plan.methods[name]
            yield case(name, heatmap, remap, parameters=given, explanation=found)
    for name in CONTROLS if plan.controls else ():
        remap = _control(name, seen.picture, plan)
        yield case(name, remap(seen.picture), remap)


def applicable(model: Model, plan: Plan, problems: list[str], *, judged: bool = False) -> list[str]:
    """Names of the methods that the model allows; what is left out, and why, goes to `problems`.

    Boxes of a detector are `judged` where boxes are annotated.

    Raises
    ------
    UsageError
        If no method applies, or what is explained cannot be.
    """
    require_question(model, plan.target)
    problems += [] if judged else left_out_of(model)
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


def _explain(
    model: Model,
    name: str,
    target: Target,
    plan: Plan,
    picture: Picture,
    prediction: Prediction | None = None,
) -> Explanation:
    return model.explain(
        picture, name, target, seed=plan.seed, prediction=prediction, **plan.methods[name]
    )


def _remap(model: Model, name: str, target: Target, plan: Plan) -> Remap:
    def remap(picture: Picture) -> NDArray[np.float64]:
        return _blurred(_explain(model, name, target, plan, picture).heatmap(), plan.blur)

    return remap


def _control(name: str, first: Picture, plan: Plan) -> Remap:
    # The stream belongs to the picture, so that the random map differs from one to the next.
    rng = stream(plan.seed, first, 1)

    def remap(picture: Picture) -> NDArray[np.float64]:
        return _blurred(CONTROLS[name](picture.pixels, rng), plan.blur)

    return remap


def _blurred(heatmap: NDArray[np.float64], blur: float) -> NDArray[np.float64]:
    return smoothed(heatmap, blur) if blur else heatmap
