"""What the explained output of a network answers: by the graph, the user, and a probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError, UnsupportedModelError, UsageError
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.answers.declare import declared
from onnxplain.graph.answers.find import find_answers
from onnxplain.graph.answers.outputs import Outputs
from onnxplain.graph.quantised import quantisation_step
from onnxplain.network.settled_boxes import settled
from onnxplain.targets.reading import Reading

if TYPE_CHECKING:
    from onnxplain.network.network import Network

_PROBED = (
    "the scores are read as probabilities, because they are not negative and sum to one; if they "
    "are not, declare --scores raw"
)
_BETWEEN = (
    "on a probe this number lies between 0 and 1; if it is a probability, declare it with --task "
    "yes-no and --scores probabilities"
)
# What an output is may only show beside the others, which are cut off by now.
_SEEN_TOGETHER = ("boxes", "embedding")
# How exact float16 probabilities may be.
_SUM_SLACK = 1e-3


@dataclass(frozen=True)
class Asked:
    """What the user asked of the output, and what the file says of itself.

    Attributes
    ----------
    task, scores : str or None
        See `declared`.
    metadata : mapping of str to str
        Of the model file.
    """

    task: str | None
    scores: str | None
    metadata: Mapping[str, str]


def declared_answer(network: Network, outputs: Outputs, asked: Asked) -> Answer:
    """Find what an output answers, at the tensors of the file.

    Parameters
    ----------
    network : Network
        Whose graph has been cut to that output.
    outputs : Outputs
        Which output, and what all of them together look like.
    asked : Asked
        What the user declared outranks the graph.

    Raises
    ------
    UnsupportedModelError
        If it holds no numbers.
    UsageError
        If what was declared contradicts it.
    """
    if outputs.boxes is not None:
        return replace(outputs.boxes, output=outputs.explained)
    output = outputs.explained
    try:
        answers = find_answers(network.graph, network.shapes, network.image, asked.metadata)
    except MemoryError as error:
        shape = list(network.shapes.get(output, ()))
        raise UnsupportedModelError(
            f"output {output!r} of shape {shape} needs more memory than is available"
        ) from error
    found = next((a for a in answers if a.output == output), None)
    if found is None:
        raise UnsupportedModelError(f"output {output!r} holds no numbers; choose --output")
    whole = next((a for a in outputs.answers if a.output == output), found)
    if whole.task in _SEEN_TOGETHER:
        found = replace(found, task=whole.task, evidence=whole.evidence, doubt=whole.doubt)
    return declared(found, asked.task, asked.scores)


def probed(network: Network, answer: Answer, asked: Asked) -> Answer:
    """Return the answer, with what its numbers are on some input.

    Raises
    ------
    UsageError
        If they were declared probabilities, and are none.
    """
    if answer.task == "boxes" and answer.boxes is not None:
        return settled(network, answer)
    if asked.scores == "probabilities" and answer.probability is not None:
        _require_probabilities(network, answer, answer.probability)
        return answer
    count = answer.shape[answer.axis] if answer.shape else 0
    several = not answer.places and answer.probability is None and count > 1
    open_ = answer.task == "classes" or (answer.task == "values" and asked.task is None)
    if several and open_ and asked.scores is None and _sums_to_one(network, answer):
        evidence = "its values are not negative and sum to one, on a probe"
        found = replace(answer, probability=answer.raw, logit=None, evidence=evidence)
        return replace(found, task="classes", doubt=_PROBED)
    bounded = answer.task == "values" and count == 1 and not answer.doubt
    if bounded and asked.task is None and asked.scores is None:
        lowest, highest = _range(network, answer.raw)
        if lowest >= 0 and highest <= 1:
            return replace(answer, doubt=_BETWEEN)
    return answer


def _scores(network: Network, reading: Reading) -> NDArray[np.float64] | None:
    """What some input scores; ``None`` if that is not a number, as is said for pictures."""
    try:
        x = network.random_input()
        return reading.read(network.ort.together().activations(x, reading.tensors))
    except NumericalError:
        return None


def _range(network: Network, reading: Reading) -> tuple[float, float]:
    scores = _scores(network, reading)
    return (-np.inf, np.inf) if scores is None else (float(scores.min()), float(scores.max()))


def _require_probabilities(network: Network, answer: Answer, reading: Reading) -> None:
    lowest, highest = _range(network, reading)
    if np.isfinite(lowest) and (lowest < -_SUM_SLACK or highest > 1 + _SUM_SLACK):
        raise UsageError(
            f"output {answer.output!r} is declared to hold probabilities, but on a probe its "
            f"numbers run from {lowest:.4g} to {highest:.4g}; declare --scores logits, or raw"
        )


def _sums_to_one(network: Network, answer: Answer) -> bool:
    """Whether the output holds probabilities although no final Softmax was found."""
    scores = _scores(network, answer.raw)
    if scores is None:
        return False
    # Quantised probabilities are each off by half a step at most.
    step = quantisation_step(network.graph, answer.output)
    slack = max(_SUM_SLACK, scores.shape[1] * step / 2)
    return bool((scores >= 0).all() and (np.abs(scores.sum(axis=1) - 1.0) < slack).all())
