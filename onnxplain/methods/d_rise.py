"""D-RISE: how well any box matches the explained one under random masks."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.box_targets import as_box, require_boxes
from onnxplain.methods.registry import method
from onnxplain.methods.rise import rise
from onnxplain.network.context import Context
from onnxplain.targets.boxes.box_match import BoxMatch
from onnxplain.targets.target import Target


@method(
    name="d-rise",
    family="perturbation",
    needs=Capability.FORWARD,
    explains="probability",
    display="signed",
    summary="How much better the best-matching box fits under random masks that keep a pixel.",
    reference="Petsiuk, Jain, Manjunatha, Morariu, Mehra, Ordonez, Saenko 2021, arXiv:2006.03204",
    meaning="similarity of boxes, at most 1; positive: under masks that keep the pixel, some box "
    "is more similar to the explained one than under the average mask",
    class_discriminative=True,
    promises="the paper's map minus its mean level, with a standard error",
    failures="as for rise; if a detector has no objectness, the cosine of scores cannot tell a "
    "strong box from a weak one; --match score can",
    requires=require_boxes("d-rise", "rise"),
    compares="likeness",
)
def d_rise(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    samples: int = 5000,
    cells: int = 16,
    share: float = 0.5,
    fill_with: str = "black",
    max_seconds: float | None = None,
    tolerance: float | None = None,
) -> Attribution:
    """RISE of the best match of a box, with the number and size of masks of the paper.

    Parameters
    ----------
    context, x
        See `Context`; x has the model's input shape.
    target : BoxMatch
        The box, and how others are compared with it.
    samples, cells, share, fill_with, max_seconds, tolerance
        See `rise`.

    Returns
    -------
    Attribution
        See `rise`.

    Raises
    ------
    MethodRefusedError
        If the target is no box.
    UsageError
        If a number makes no sense.
    """
    box = as_box("d-rise", "rise", target, BoxMatch)
    return rise(
        context, x, box, samples=samples, cells=cells, share=share, fill_with=fill_with,
        max_seconds=max_seconds, tolerance=tolerance,
    )  # fmt: skip
