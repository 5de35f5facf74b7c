"""Which of several outputs is explained."""

from __future__ import annotations

from collections.abc import Sequence

from onnxplain.errors import UnknownNameError, UnsupportedModelError
from onnxplain.graph.answers.answer import Answer

_TELLING = ("logit", "prob", "score", "pred", "softmax", "output", "class")
_BESIDE = ("aux", "embed", "feat", "proj", "box", "landmark", "keypoint", "offset")
_SCORED = frozenset({"classes", "labels", "yes-no"})
_WHY = {
    0: "it ends in probabilities, one vector for each input",
    1: "it has the form of class scores, one vector for each input",
    2: "it belongs to a detector",
    3: "it has probabilities at each place",
    4: "it has scores at each place",
    5: "it holds numbers, one vector for each input",
    6: "it holds a vector that is compared with others",
    7: "it is the first one that holds numbers",
    8: "it is the first one",
}


def choose(answers: Sequence[Answer], output: str | None = None) -> tuple[Answer, str]:
    """Choose the output to explain.

    What the graph says outranks names. Among outputs that look alike, one whose name says that
    it is auxiliary, or a feature, comes last; then the number of layers in front of it, telling
    names and the order of the file decide.

    Parameters
    ----------
    answers : sequence of Answer
        Of all outputs.
    output : str, optional
        The one that a person names.

    Returns
    -------
    answer : Answer
        The chosen one.
    sentence : str
        What else there was and why it is not taken; empty if there was no choice.

    Raises
    ------
    UnknownNameError
        If `output` is no graph output.
    UnsupportedModelError
        If no output holds numbers.
    """
    if not answers:
        raise UnsupportedModelError(
            "no output of the model holds numbers; nothing can be explained"
        )
    names = [a.output for a in answers]
    if output is not None:
        if output not in names:
            raise UnknownNameError("output", output, names, f"outputs: {', '.join(names)}")
        return answers[names.index(output)], ""
    ranked = sorted(answers, key=lambda a: (_rank(a), bool(a.followed), *_by_name(a)))
    chosen = ranked[0]
    others = [a for a in answers if a is not chosen and not _same_head(a, chosen)]
    if not others or chosen.task == "boxes":
        return chosen, ""
    listed = "; ".join(f"{a.output!r}: {a.task}, {a.evidence}" for a in (chosen, *others))
    alike = [a for a in others if _rank(a) == _rank(chosen)]
    reason = _WHY[_rank(chosen)]
    if alike:
        reason += f", as {', '.join(repr(a.output) for a in alike)}, and {_among(chosen, alike)}"
    return chosen, (
        f"{len(others) + 1} outputs could be explained ({listed}); {chosen.output!r} is used, "
        f"because {reason}; choose another with --output"
    )


def _rank(answer: Answer) -> int:
    vector = not answer.places
    if answer.task in _SCORED:
        if answer.probability is not None:
            return 0 if vector else 3
        return 1 if vector else 4
    if answer.task == "boxes":
        return 2
    if answer.task == "unknown":
        return 8
    if not vector:
        return 7
    return 6 if answer.task == "embedding" else 5


def _by_name(answer: Answer) -> tuple[bool, int, bool]:
    name = answer.output.lower()
    beside = any(a in name for a in _BESIDE)
    return beside, -answer.layers, not any(t in name for t in _TELLING)


def _among(chosen: Answer, alike: Sequence[Answer]) -> str:
    own, others = _by_name(chosen), [_by_name(a) for a in alike]
    if all(o[0] > own[0] for o in others):
        return "the others are auxiliary, features or positions by their names"
    if all(o[1] > own[1] for o in others):
        return "it has the most layers before it"
    if all(o[2] > own[2] for o in others):
        return "its name says so"
    return "it is the first of them in the file"


def _same_head(answer: Answer, chosen: Answer) -> bool:
    """Whether an output is a label, a rank or another form of the chosen scores."""
    read = [chosen.raw, chosen.logit, chosen.probability]
    known = {t for r in read if r is not None for t in r.tensors}
    return set(answer.raw.tensors) <= known
