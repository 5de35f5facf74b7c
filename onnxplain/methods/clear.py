"""CLEAR: which class each place of the picture responds to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.graph.quantised import real_values, scale_and_zero
from onnxplain.methods.gradients import input_axes
from onnxplain.methods.logits import require_logit
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.network.network import Network
from onnxplain.relevance.kinds import Rectification
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target

# Classes shown unless told otherwise: all, up to the first number; the second beyond it.
_ALL, _TOP = 20, 10
# Class index where none responds.
_NONE = -1
WAYS: dict[str, Rectification | None] = {
    "none": "linear",
    "gradient": None,
    "deconvnet": "deconvnet",
    "guided": "guided",
}
# What presets stand for, and what holds without one.
_PRESETS = {"photo": ("guided", True), "equation": ("none", False)}
_USUAL = ("gradient", True)


def _require_classes(network: Network) -> None:
    task = network.answer.task
    if task in ("values", "embedding", "boxes"):
        raise MethodRefusedError(
            f"clear compares classes, and {network.head.output!r} answers {task}; use grad-cam or "
            "occlusion"
        )


@method(
    name="clear",
    family="relevance",
    needs=Capability.GRADIENTS | Capability.SIGNALS,
    explains="logit",
    against_others=False,
    display="signed",
    shows="where a larger value would raise the class's response (red) or lower it (blue)",
    ends=("lowers", "raises"),
    summary="For each place, the class with the strongest response, and its strength.",
    reference="Kumar, Wong, Taylor 2017, arXiv:1704.04133 (CVPR Workshops)",
    meaning="squared logit units per unit of model input; positive: the class responds more when "
    "the value grows. Compare the maps of classes with each other",
    class_discriminative=True,
    promises="with relu=none or gradient, the maps of all classes add up to the back-projection "
    "of the whole last layer",
    failures="a class with large responses dominates wherever the kernels of classes look alike; "
    "without pooling, relu=none depends on the picture in the last layer only",
    requires=_require_classes,
)
def clear(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    relu: str = "gradient",
    classes: int | None = None,
    positive: bool = True,
    preset: str | None = None,
) -> Attribution:
    """R(x|c) = G_1 U_1 ... G_{L-1} U_{L-1} G_L^c z_L for each class, and their maxima.

    G are transposed convolutions (and transposed matrices), U unpooling with the switches of
    the forward pass, z_L the response of the last layer, and G_L^c its kernels with those of
    all classes but c set to zero. If the last layer is followed or preceded by global average
    pooling, z_L has places; the two orders are the same function and the same map.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    relu : str
        How responses pass ReLU-like activations on the way back: ``none`` (unchanged, as in
        the equation), ``gradient`` (where the activation let the signal through),
        ``deconvnet`` (what is positive) or ``guided`` (both).
    classes : int, optional
        How many of the classes with the highest scores take part, the target being one in any
        case; all if there are at most 20, else 10, if not given.
    positive : bool
        Only positive responses take part, as if the last layer were rectified too: z_L, and
        then R, are cut off at zero, and a place where no class is left holds -1. Otherwise a
        class with a large negative score wins wherever its kernels are negative.
    preset : {"photo", "equation"}, optional
        ``photo``: relu=guided, for clear figures of photos. ``equation``: relu=none and
        positive=False, as published. Not beside `relu` or `positive`.

    Returns
    -------
    Attribution
        The shape of `x`, signed: R(x|target), less that of the contrast class if there is
        one. Maps, channels summed: ``classes`` (S indices), ``responses`` (S, H, W) of R,
        ``dominant_class`` and ``dominant_response`` (H, W): argmax and max over the classes,
        ``opposing_class`` and ``opposing_response``: argmin and min. Measure ``dominance``:
        share of the positive dominant response that belongs to the target.

    Raises
    ------
    MethodRefusedError
        If the target is a probability, or responses are to be filtered and the model has no
        ReLU-like activation.
    UsageError
        If a parameter is out of range.
    """
    if not isinstance(target, ClassScore) or len(target.tensors) > 1:
        raise MethodRefusedError(
            f"clear compares the classes of one tensor, and the target is {target.describe()}; use "
            "grad-cam or occlusion"
        )
    require_logit("clear compares", context.network, target)
    relu, positive = _settled(preset, relu, positive)
    if relu not in WAYS:
        raise UsageError(f"relu {relu!r} is not known; allowed: {', '.join(WAYS)}")
    usual = target.classes if target.classes <= _ALL else _TOP
    wanted = usual if classes is None else classes
    if not 1 <= wanted <= target.classes:
        raise UsageError(f"classes must be 1 to {target.classes}, not {wanted}")
    engine = context.engine(Capability.GRADIENTS)
    last = _last_layer(context, target)
    graph = context.network.graph
    scale, _ = scale_and_zero(graph, last.tensor)
    values = engine.activations(x, [last.tensor])[last.tensor]
    dtype = np.result_type(values.dtype, np.float32)
    z = last.responses(real_values(graph, last.tensor, values).astype(dtype))
    scores = z.reshape(*z.shape[:2], -1).mean(axis=2)
    mixed = target.coefficients(scores)
    shown = _chosen(scores, mixed, wanted)
    # A quantised tensor is projected back as integers, each worth one scale.
    seeds = last.seeds(np.maximum(z, 0.0) if positive else z, shown) * np.float32(scale)
    projected = context.back_project(x, last.tensor, seeds, rectify=WAYS[relu])
    flat = projected.sum(axis=context.channel_axis + 1)
    top, most = _winner(flat, shown, positive=positive)
    least, lowest = _winner(-flat, shown, positive=positive)
    evidence = np.maximum(most, 0.0)
    own = np.where(top == target.index, evidence, 0.0).sum(axis=(1, 2))
    total = evidence.sum(axis=(1, 2))
    return Attribution(
        _mixture(projected, np.take_along_axis(mixed, shown, axis=1)),
        input_axes(context),
        parameters={"classes": wanted, "relu": relu, "positive": positive},
        measures={"dominance": own / np.where(total == 0, 1.0, total)},
        maps={
            "classes": shown,
            "responses": flat,
            "dominant_class": top,
            "dominant_response": most,
            "opposing_class": least,
            "opposing_response": -lowest,
        },
        notes={"last_layer": last.tensor},
    )


def _settled(preset: str | None, relu: str, positive: bool) -> tuple[str, bool]:
    """How responses pass activations, and whether negative ones take part."""
    if preset is None:
        return relu, positive
    if preset not in _PRESETS:
        raise UsageError(f"preset {preset!r} is not known; allowed: {', '.join(_PRESETS)}")
    if (relu, positive) != _USUAL:
        raise UsageError(f"preset={preset} sets relu and positive itself; leave them out")
    return _PRESETS[preset]


@dataclass(frozen=True)
class _LastLayer:
    """Linear map from one tensor to a response for each class.

    Attributes
    ----------
    tensor : str
        What it reads.
    axis : int
        Axis of that tensor that holds its channels.
    weight, bias : (K, C) and (K,) arrays
        Kernels of each class.
    """

    tensor: str
    axis: int
    weight: NDArray[Any]
    bias: NDArray[Any]

    def responses(self, values: NDArray[Any]) -> NDArray[Any]:
        """z_L of shape (N, K, ...), the places after the classes."""
        weighted = np.tensordot(values, self.weight.astype(values.dtype), (self.axis, 1))
        return np.moveaxis(weighted + self.bias.astype(values.dtype), -1, 1)

    def seeds(self, z: NDArray[Any], shown: NDArray[Any]) -> NDArray[Any]:
        """G_L^c z_L for the classes `shown`, of shape (N, S, ...) like the tensor."""
        places = (1,) * (z.ndim - 2)
        own = np.take_along_axis(z, shown.reshape(*shown.shape, *places), axis=1)
        kernels = self.weight.astype(z.dtype)[shown].reshape(*shown.shape, *places, -1)
        return np.moveaxis(own[..., None] * kernels, -1, self.axis + 1)


@dataclass(frozen=True)
class _Scores:
    """The class scores themselves, where nothing averages over places.

    Attributes
    ----------
    target : ClassScore
        Says where they stand.
    shape : tuple of int
        Of the tensor, for one input.
    """

    target: ClassScore
    shape: tuple[int, ...]

    @property
    def tensor(self) -> str:
        return self.target.tensors[0]

    def responses(self, values: NDArray[Any]) -> NDArray[Any]:
        """z_L of shape (N, K)."""
        return self.target.class_scores({self.tensor: values}).astype(values.dtype)

    def seeds(self, z: NDArray[Any], shown: NDArray[Any]) -> NDArray[Any]:
        """z_L at one class, of shape (N, S, ...) like the tensor."""
        own = np.take_along_axis(z, shown, axis=1)
        blank = {self.tensor: np.zeros((len(z), *self.shape))}
        signals = []
        for k in range(shown.shape[1]):
            weights = np.zeros(z.shape)
            np.put_along_axis(weights, shown[:, k : k + 1], own[:, k : k + 1], axis=1)
            signals.append(self.target.slopes_of(blank, weights)[self.tensor])
        return np.stack(signals, axis=1).astype(z.dtype)


def _last_layer(context: Context, target: ClassScore) -> _LastLayer | _Scores:
    network = context.network
    if not target.position and not target.region:
        try:
            layer = network.layer(None)
            head = network.cam_head(layer)
        except MethodRefusedError:
            head = None
        if head is not None and len(head.weight) == target.classes:
            return _LastLayer(layer.name, layer.axes.index("C"), head.weight, head.bias)
    return _Scores(target, network.shapes[target.tensors[0]][1:])


def _chosen(scores: NDArray[Any], mixed: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """(N, S) class indices: all in their order, or the best first with the target among them."""
    if count == scores.shape[1]:
        return np.broadcast_to(np.arange(count), scores.shape)
    rank = -scores.astype(np.float64)
    favoured = np.where(mixed != 0, -np.inf, rank)
    count = max(count, int((mixed != 0).sum(axis=1).max()))
    kept = np.argsort(favoured, axis=1, kind="stable")[:, :count]
    order = np.argsort(np.take_along_axis(rank, kept, axis=1), axis=1, kind="stable")
    return np.take_along_axis(kept, order, axis=1)


def _winner(
    responses: NDArray[Any], shown: NDArray[np.intp], *, positive: bool
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Class with the largest response at each place, and that response."""
    place = responses.argmax(axis=1)[:, None]
    most = np.take_along_axis(responses, place, axis=1)[:, 0]
    winner = np.take_along_axis(shown[:, :, None, None], place, axis=1)[:, 0]
    if positive:
        winner, most = np.where(most > 0, winner, _NONE), np.maximum(most, 0.0)
    return winner, most


def _mixture(projected: NDArray[Any], mixed: NDArray[np.float64]) -> NDArray[Any]:
    """Response of the target: that of its class, or a difference of two."""
    return np.einsum("ns,ns...->n...", mixed.astype(projected.dtype), projected)
