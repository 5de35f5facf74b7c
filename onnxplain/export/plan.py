"""What is to be written into a file: which maps, where they are read, and of which score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError, UnknownNameError, UsageError
from onnxplain.export.maps import AT_INPUT, AT_LAYER
from onnxplain.export.targets.boxes import BoxesExplained
from onnxplain.export.targets.classes import ClassesExplained
from onnxplain.export.targets.explained import Explained, Given, with_defaults
from onnxplain.export.targets.find import defaults_of, explained_of
from onnxplain.export.targets.likeness import LikenessExplained
from onnxplain.graph.layer_list import usable_layers
from onnxplain.graph.layers import SpatialLayer
from onnxplain.graph.quantised import rounds_values
from onnxplain.methods.lrp import chosen_composite
from onnxplain.network.chosen_layer import about_layers
from onnxplain.network.context import Context
from onnxplain.perturb.fills import fill
from onnxplain.relevance.composites import Composite

if TYPE_CHECKING:
    from onnxplain.model.model import Model
    from onnxplain.network.network import Network

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
    explained : Explained
        What is explained.
    given : tuple of Given
        The inputs that say what, with their defaults.
    target : str, int or None
        What a person named to be explained by default; what is predicted if nothing.
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
    explained: Explained
    given: tuple[Given, ...]
    target: str | int | None = None
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
        raise UsageError(f"no method is given; export has {', '.join(METHODS)}")
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
    if not 1 <= steps <= _MOST_STEPS:
        raise UsageError(f"steps must be 1 to {_MOST_STEPS}, not {steps}")
    explained = explained_of(model)
    given = with_defaults(explained.given, defaults_of(model, explained, target))
    spatial = None
    if any(m in AT_LAYER or m == CAM for m in chosen):
        spatial = network.layer(_common_layer(network, explained) if layer is None else layer)
    if CAM in chosen:
        assert spatial is not None
        if not _plain_logits(explained, network):
            raise MethodRefusedError("cam explains one vector of logits; use grad-cam")
        network.cam_head(spatial)
        if rounds_values(network.graph):
            raise MethodRefusedError(
                "cam reads what ONNX Runtime's integer kernels make, which a file cannot read "
                "without changing them; use grad-cam"
            )
    start = None
    if INTEGRATED in chosen:
        if isinstance(explained, BoxesExplained) and explained.ranked_by_file:
            raise MethodRefusedError(
                "the file ranks its boxes, and on the way of integrated-gradients other boxes take "
                "their places; use gradient or grad-cam"
            )
        start = _baseline(model, baseline)
    rules = None
    if LRP in chosen:
        if isinstance(explained, LikenessExplained):
            raise MethodRefusedError(
                "relevance of a likeness has no form in ONNX nodes; use gradient, or `explain`"
            )
        rules = chosen_composite(network.graph, composite).within(model.preprocess.bounds())
    return Plan(chosen, explained, given, target, spatial, steps, start, baseline, rules)


def _common_layer(network: Network, explained: Explained) -> str | None:
    """The last layer that all boxes come from; a detector has others for each scale.

    ``None`` where the chosen one will do.
    """
    if not isinstance(explained, BoxesExplained):
        return None
    logits = explained.layout.logits
    read = explained.layout.scores.tensors if logits is None else logits.tensors
    before = set.intersection(*(network.graph.ancestors(t) for t in read))
    found = [la.name for la in usable_layers(*about_layers(network)) if la.name in before]
    if not found:
        raise MethodRefusedError(
            "no layer leads to the boxes of all scales; name one with --layer, or use gradient"
        )
    return found[-1]


def _plain_logits(explained: Explained, network: Network) -> bool:
    """Whether one vector of logits is explained."""
    if not isinstance(explained, ClassesExplained) or explained.places:
        return False
    reading = explained.reading
    plain = reading.is_linear and not reading.two_sided
    return plain and reading.tensors == (network.head.logits,)


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
