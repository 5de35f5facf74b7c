"""Layer-wise relevance propagation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.graph.view import Graph
from onnxplain.methods.channels import channel_mask, channel_sums
from onnxplain.methods.gradients import input_axes
from onnxplain.methods.logits import require_logit
from onnxplain.methods.registry import method
from onnxplain.methods.relevance_promises import relevance_warnings, require_finite
from onnxplain.methods.relevance_start import seeded
from onnxplain.methods.relevance_through import relevance_through
from onnxplain.network.chosen_layer import tensor_of
from onnxplain.network.context import Context
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.composites import composite as composite_named
from onnxplain.relevance.default import default_composite
from onnxplain.targets.target import Target

_LEAKS = 5


@method(
    name="lrp",
    family="relevance",
    needs=Capability.RELEVANCE,
    explains="logit",
    display="signed",
    summary="The score, redistributed layer by layer to the inputs that produced it.",
    reference="Bach, Binder, Montavon, Klauschen, Müller, Samek 2015, "
    "doi:10.1371/journal.pone.0130140; composites: Montavon et al. 2019",
    meaning="score units; positive values support the target",
    class_discriminative=True,
    promises="the sum is the score minus what biases absorb; the share that arrives is reported",
    failures="biases after dead ReLUs absorb relevance; below z-plus rules all relevance has one "
    "sign, so classes that share features look alike",
)
def lrp(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    composite: Composite | str = "auto",
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    zero_bias: bool = False,
    unknown: str = "refuse",
    start: str = "score",
    at: str | None = None,
    channels: str | None = None,
) -> Attribution:
    """Relevance of the input under a composite of rules.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    composite : Composite or str
        Name of a composite, a TOML file, or in Python a `Composite`; ``auto`` takes attn-lrp
        where there is attention, and epsilon-gamma-box elsewhere. The parameters that follow
        belong to the named ones.
    epsilon : float
        Stabilizer of the epsilon rule.
    gamma : float
        Extra weight of positive weights in the gamma rule.
    zero_bias : bool
        Biases absorb nothing at z-plus and alpha-beta.
    unknown : str
        At an operator without rule: ``refuse``, ``pass`` or ``gradient``.
    start : str
        ``score``, or ``others``: the class score minus the mean of all others.
    at : str, optional
        A tensor inside the network whose relevance is also returned.
    channels : str, optional
        Channels of that tensor, as indices separated by commas: only relevance that flows through
        them reaches the input.

    Returns
    -------
    Attribution
        As `propagated` returns it.

    Raises
    ------
    MethodRefusedError
        If an operator on the way has no rule.
    UsageError
        If a name or parameter is wrong.
    """
    rules = chosen_composite(context.network.graph, composite, epsilon, gamma, zero_bias, unknown)
    return propagated(context, x, seeded(target, start), rules, at=at, channels=channels)


def propagated(
    context: Context,
    x: NDArray[Any],
    target: Target,
    rules: Composite,
    *,
    at: str | None = None,
    channels: str | None = None,
) -> Attribution:
    """Relevance of the input, with what the record says about it.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    rules : Composite
        The rules.
    at, channels : str, optional
        See `lrp`.

    Returns
    -------
    Attribution
        The shape of `x`, signed, in score units; measures ``relevance_in`` (its sum),
        ``relevance_out`` (the score) and ``conservation`` (their ratio); note ``leaks`` (the
        nodes that absorb most). Warnings as in `onnxplain.methods.relevance_promises`.
        With `at`, maps ``at`` (relevance of that tensor) and
        ``channels`` (its sum for each channel).

    Raises
    ------
    UsageError
        If `channels` is given without `at`.
    NumericalError
        If relevance overflows.
    """
    network = context.network
    require_logit("relevance propagation explains", network, target)
    image = network.image.name
    tensor = None if at is None else tensor_of(network, at)
    if channels is not None and tensor is None:
        raise UsageError("channels belong to a tensor: set `at` as well")
    engine = context.engine(Capability.RELEVANCE)
    bounded = rules.within(context.preprocess.bounds())
    if tensor is not None and channels is not None:
        masks = [channel_mask(network, tensor, channels)]
        (found,) = relevance_through(engine, x, target, bounded, tensor, masks, image)
    else:
        names = list(dict.fromkeys([image, *([tensor] if tensor else [])]))
        (found,) = engine.relevance(x, [target], bounded, names)
    values = found.relevance[image]
    total = values.reshape(len(values), -1).sum(axis=1, dtype=np.float64)
    scores = target.score(found.values)
    leaks = [
        {"tensor": leak.tensor, "operator": leak.op_type, "absorbed": leak.absorbed}
        for leak in found.leaks[:_LEAKS]
    ]
    maps = {}
    if tensor is not None:
        inside = found.relevance[tensor]
        maps = {"at": inside, "channels": channel_sums(network, tensor, inside)}
    conservation = total / np.where(scores == 0, 1.0, scores)
    require_finite(values, found.growth)
    # Of what flows through some channels only, no share is promised.
    share = conservation if channels is None else None
    return Attribution(
        values,
        input_axes(context),
        parameters={"composite": rules.name, **({"at": tensor} if tensor else {})},
        measures={
            "conservation": conservation,
            "relevance_in": total,
            "relevance_out": scores,
        },
        maps=maps,
        notes={"leaks": leaks, "composite": rules.to_dict()},
        warnings=relevance_warnings(network, rules, found.growth, share),
    )


def chosen_composite(
    graph: Graph,
    given: Composite | str,
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    zero_bias: bool = False,
    unknown: str = "refuse",
) -> Composite:
    """Return the composite that is meant for a graph; for the parameters see `lrp`."""
    if isinstance(given, Composite):
        return given
    if given.endswith(".toml"):
        from onnxplain.relevance.composite_file import load_composite

        return load_composite(given)
    name = default_composite(graph) if given == "auto" else given
    return composite_named(name, epsilon=epsilon, gamma=gamma, zero_bias=zero_bias, unknown=unknown)
