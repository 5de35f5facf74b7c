"""Annotated boxes that a command is given, read and said."""

from __future__ import annotations

from collections.abc import Sequence

from onnxplain.cli.console import remark
from onnxplain.errors import UsageError
from onnxplain.evaluate.boxes.truth import Truth, truth_of
from onnxplain.inputs.annotations.attach import annotate
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model

_LISTED = 20


def with_boxes(
    samples: Sequence[Sample], boxes: str | None, masks: str | None, model: Model
) -> tuple[list[Sample], Truth | None]:
    """Give pictures their annotated boxes, if there are any.

    Raises
    ------
    UsageError
        If they cannot be read, are of none of the pictures or of none of the model's classes,
        or masks are given as well.
    """
    if boxes is None:
        return list(samples), None
    if masks is not None:
        raise UsageError(
            "--boxes and --masks both say where the objects are: give only one of them"
        )
    found = annotate(samples, boxes)
    return found.samples, truth_of(found, model.task)


def tell_boxes(truth: Truth | None, *, quiet: bool) -> None:
    """Say what was left out of annotations; how they were read stands with the results."""
    if truth is None or quiet:
        return
    for problem in truth.problems[:_LISTED]:
        remark(f"boxes: {problem}")
    if len(truth.problems) > _LISTED:
        remark(f"boxes: {len(truth.problems) - _LISTED} more problems; see the written files")
