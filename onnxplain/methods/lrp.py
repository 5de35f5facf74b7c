"""Layer-wise relevance propagation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.explanation import Attribution
from onnxplain.methods.gradients import input_axes
from onnxplain.methods.registry import method
from onnxplain.relevance.composites import composite as composite_named
from onnxplain.subject import Subject
from onnxplain.target import Target

_LEAKS = 5


@method(
    name="lrp",
    family="relevance",
    needs=Capability.RELEVANCE,
    explains="logit",
    display="signed",
    summary="The score, handed back layer by layer to what produced it.",
    reference="Bach, Binder, Montavon, Klauschen, Müller, Samek 2015, "
    "doi:10.1371/journal.pone.0130140; composites: Montavon et al. 2019",
    meaning="score units; positive speaks for the target",
    class_discriminative=True,
    promises="the sum is the score, less what biases absorb; the share that arrives is reported",
    failures="with epsilon-plus everything after the head is positive, so classes that share "
    "features look alike; biases behind dead ReLUs absorb relevance",
)
def lrp(
    subject: Subject,
    x: NDArray[Any],
    target: Target,
    *,
    composite: str = "epsilon-plus",
    epsilon: float = 1e-6,
) -> Attribution:
    """Relevance of the input under a composite of rules.

    Parameters
    ----------
    subject, x, target
        See `Subject` and `Target`; x has the model's input shape.
    composite : str
        See `onnxplain.relevance.composites.composite`.
    epsilon : float
        Stabilizer of the epsilon rule.

    Returns
    -------
    Attribution
        The shape of `x`, signed, in score units; measure ``conservation`` (sum of the
        relevance divided by the score), note ``leaks`` (the nodes that absorb most).

    Raises
    ------
    MethodRefusedError
        If an operator on the way has no rule.
    """
    name = subject.network.image.name
    rules = composite_named(composite, epsilon=epsilon)
    found = subject.engine(Capability.RELEVANCE).relevance(x, target, rules, [name])
    values = found.relevance[name]
    total = values.reshape(len(values), -1).sum(axis=1, dtype=np.float64)
    conservation = total / np.where(found.scores == 0, 1.0, found.scores)
    leaks = [
        {"tensor": leak.tensor, "operator": leak.op_type, "absorbed": leak.absorbed}
        for leak in found.leaks[:_LEAKS]
    ]
    return Attribution(
        values,
        input_axes(subject),
        measures={"conservation": conservation},
        notes={"leaks": leaks},
    )
