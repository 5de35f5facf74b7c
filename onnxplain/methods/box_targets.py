"""What methods ask for that explain boxes of a detector and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from onnxplain.errors import MethodRefusedError
from onnxplain.network.network import Network
from onnxplain.targets.target import Target

Box = TypeVar("Box", bound=Target)


def require_boxes(method: str, other: str) -> Callable[[Network], None]:
    """Make a check that a model has boxes; its refusal names another method."""

    def require(network: Network) -> None:
        if network.answer.boxes is None:
            raise MethodRefusedError(
                f"{method} explains boxes of a detector, and the model has none: use {other}"
            )

    return require


def as_box(method: str, other: str, target: Target, kind: type[Box]) -> Box:
    """Return the target if it is a box.

    Parameters
    ----------
    method, other : str
        The method, and what is to be used in its place.
    target : Target
        What is explained.
    kind : type
        `BoxMatch` or `BoxNumber`.

    Raises
    ------
    MethodRefusedError
        If it is none.
    """
    if not isinstance(target, kind):
        raise MethodRefusedError(
            f"{method} explains boxes of a detector, and the target is {target.describe()}: "
            f"use {other}"
        )
    return target
