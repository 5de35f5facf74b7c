"""Outputs that have the form of a picture: restored, enlarged, drawn, or a mask of the input."""

from __future__ import annotations

from dataclasses import replace

from onnxplain.graph.answers import doubts
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.image_input import ImageInput

_COLOURS = 3
# What is named so is measured or drawn at each place, whatever function bounds it.
_DRAWN = ("depth", "disp", "alpha", "matte", "recon", "denois", "restor")


def as_picture(answer: Answer, image: ImageInput) -> Answer:
    """Return the answer of an output, with a doubt where it may be a picture.

    Parameters
    ----------
    answer : Answer
        What the graph shows.
    image : ImageInput
        The explained input.

    Returns
    -------
    Answer
        Values where the output is larger than the input, or where a Sigmoid or the like for
        each of three colours may as well be labels.
    """
    times = _times(answer, image)
    if not times or answer.task not in ("classes", "labels", "yes-no", "values"):
        return answer
    count = answer.shape[answer.axis]
    named = any(n in answer.output.lower() for n in _DRAWN)
    alone = answer.task != "classes" or answer.probability is None
    if times > 1 and count in (1, _COLOURS) and alone:
        return _values(answer, f"{answer.evidence}, {times} times as large as the input")
    if count == _COLOURS == image.channels and answer.task == "labels":
        return _values(answer, f"{answer.evidence}, as many as the input has colours")
    if answer.task == "yes-no" and not answer.doubt and (named or image.channels == 1):
        return replace(answer, doubt=doubts.DRAWN)
    if answer.doubt and count == image.channels:
        return replace(answer, doubt=doubts.PICTURE)
    return answer


def _values(answer: Answer, evidence: str) -> Answer:
    return replace(
        answer,
        task="values",
        probability=None,
        logit=None,
        evidence=evidence,
        doubt=doubts.PICTURE,
        declarable=answer.probability,
    )


def _times(answer: Answer, image: ImageInput) -> int:
    """How many times as large as the input the places of an answer are; 0 if they are not."""
    longer = [n for n in answer.places if n > 1]
    if len(longer) != 2:
        return 0
    (rows, columns), (height, width) = longer, image.size
    whole = rows % height == 0 and rows * width == columns * height
    return rows // height if whole else 0
