"""What is to be written into a file: which maps, where they are read, and of which score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError, UnknownNameError, UsageError
from onnxplain.export.maps import AT_INPUT, AT_LAYER
from onnxplain.export.scores import PREDICTED, Scores
from onnxplain.graph.layers import SpatialLayer
from onnxplain.graph.quantised import rounds_values
from onnxplain.methods.lrp import chosen_composite
from onnxplain.network.context import Context
from onnxplain.perturb.fills import fill
from onnxplain.relevance.composites import Composite
from onnxplain.tasks.classes import Classes
from onnxplain.tasks.values import Numbers

if TYPE_CHECKING:
    from onnxplain.model.model import Model

INTEGRATED = "integrated-gradients"
CAM = "cam"
LRP = "lrp"
#: The methods that can be written into a file.
METHODS = (*sorted([*AT_INPUT, *AT_LAYER, CAM]), INTEGRATED, LRP)
DEFAULT_STEPS = 50
_MOST_STEPS = 10_000


@dataclass(frozen=True, eq=False)
class Plan:
    """One export.

    Attributes
    ----------
    methods : tuple of str
        In the order of the outputs.
    scores : Scores
        What is explained.
    target : int
        The class or value that is explained unless another one is asked for.
    layer : SpatialLayer, optional
        Where class activation maps are read.
    steps : int
        Points on the way of integrated gradients.
    baseline : array, optional
        Where that way begins.
    baseline_name : str
        What that is called.
    composite : Composite, optional
        Rules of relevance propagation, with the bounds of the input.
    """

    methods: tuple[str, ...]
    scores: Scores
    target: int = PREDICTED
    layer: SpatialLayer | None = None
    steps: int = DEFAULT_STEPS
    baseline: NDArray[Any] | None = field(default=None, repr=False)
    baseline_name: str = "black"
    composite: Composite | None = None

    @property
    def with_cam(self) -> bool:
        """Whether `cam` is asked for."""
        return CAM in self.methods

    def at_layer(self, method: str) -> bool:
        """Whether a method's map is read at the layer."""
        return method in AT_LAYER or method == CAM

    def parameters(self, method: str) -> dict[str, Any]:
        """Parameters with which the engine makes the same map."""
        if method == INTEGRATED:
            return {"steps": self.steps, "max_steps": self.steps, "baseline": self.baseline_name}
        if method in AT_LAYER or method == CAM:
            assert self.layer is not None
            return {"layer": self.layer.name}
        if method == LRP:
            return {"composite": self.composite}
        return {}


def known_methods(asked: Sequence[str]) -> tuple[str, ...]:
    """Check the names of methods; each is kept once.

    Raises
    ------
    UnknownNameError
        If one cannot be written into a file.
    """
    names = [n.strip() for text in asked for n in text.split(",") if n.strip()]
    for name in names:
        if name not in METHODS:
            raise UnknownNameError("method", name, METHODS, f"export has {', '.join(METHODS)}")
    if not names:
        raise UsageError(f"no method is named; export has {', '.join(METHODS)}")
    return tuple(dict.fromkeys(names))


def make_plan(
    model: Model,
    methods: Sequence[str],
    *,
    target: str | int | None = None,
    layer: str | int | None = None,
    steps: int = DEFAULT_STEPS,
    baseline: str = "black",
    composite: str = "auto",
) -> Plan:
    """Settle what is to be written for a model.

    Raises
    ------
    OnnxplainError
        If a method, the layer or the scores do not allow it.
    """
    chosen = known_methods(methods)
    network = model.network
    if network.bound:
        raise UsageError("a file with further inputs cannot be exported; use `explain`")
    if not 1 <= steps <= _MOST_STEPS:
        raise UsageError(f"{steps} steps are not possible; allowed: 1 to {_MOST_STEPS}")
    scores = _scores(model)
    index = PREDICTED if target is None else model.task.index(target)
    if target is None and not scores.ranked and scores.classes > 1:
        model.task.request(None)  # says which values there are
    spatial = None
    if any(m in AT_LAYER or m == CAM for m in chosen):
        spatial = network.layer(layer)
    if CAM in chosen:
        assert spatial is not None
        if scores.places or scores.reading.two_sided or scores.tensors != (network.head.logits,):
            raise MethodRefusedError("cam explains one vector of logits; use grad-cam")
        network.cam_head(spatial)
        if rounds_values(network.graph):
            raise MethodRefusedError(
                "cam reads what ONNX Runtime's integer kernels make, which a file cannot read "
                "without changing them; use grad-cam"
            )
    start = None
    if INTEGRATED in chosen:
        start = _baseline(model, baseline)
    rules = None
    if LRP in chosen:
        rules = chosen_composite(network.graph, composite).within(model.preprocess.bounds())
    return Plan(chosen, scores, index, spatial, steps, start, baseline, rules)


def _scores(model: Model) -> Scores:
    task = model.task
    if isinstance(task, Classes):
        reading = task.readings[task.kind("logit")]
        return Scores(reading, task.count, bool(task.places), ranked=True)
    if isinstance(task, Numbers):
        answer = task.answer
        return Scores(answer.raw, task.count, bool(answer.places), ranked=False)
    raise MethodRefusedError(
        f"export explains classes and values, and {model.name!r} answers with "
        f"{model.network.answer.task}; use `explain`"
    )


def _baseline(model: Model, name: str) -> NDArray[Any]:
    """The baseline in the form of one number for each channel."""
    image = model.network.image
    if np.dtype(image.dtype).kind != "f":
        raise MethodRefusedError(
            f"integrated-gradients needs a way between pictures, and input {image.name!r} takes "
            f"{image.dtype}; use `explain --at float`"
        )
    context = Context(model.network, model.preprocess)
    generator = np.random.default_rng(0)
    found = []
    for _ in range(2):
        x = generator.random(image.shape).astype(image.dtype)
        start = fill(context, x, name)
        flat = start[(slice(None), *(slice(0, 1) if a in context.spatial_axes else slice(None)
                                     for a in range(1, x.ndim)))]  # fmt: skip
        found.append(flat if np.array_equal(np.broadcast_to(flat, start.shape), start) else start)
    if found[0].shape != found[1].shape or not np.array_equal(found[0], found[1]):
        raise UsageError(
            f"baseline {name!r} depends on the picture; a file takes black, white, noise, a number "
            "or an image file"
        )
    return found[0]
