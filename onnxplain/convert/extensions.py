"""Converters that users of the library add for operators that it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from onnxplain.convert.coverage import EXTENSIONS, Operator, is_covered
from onnxplain.errors import UsageError
from onnxplain.graph.view import Node

if TYPE_CHECKING:
    from torch import nn

Factory = Callable[[Node], "nn.Module"]
"""Makes the module of one node; called positionally with the node's inputs as tensors."""


class Registration:
    """What `register` added; leaving its ``with`` block, or `remove`, takes it back.

    Parameters
    ----------
    operators : iterable of Operator
        Taken out again by `remove`.
    """

    def __init__(self, operators: Iterable[Operator]) -> None:
        self.operators = tuple(operators)

    def remove(self) -> None:
        """Forget the converter; programs that it is part of keep working."""
        for operator in self.operators:
            EXTENSIONS.pop(operator, None)
        self.operators = ()

    def __enter__(self) -> Registration:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()


def register(
    domain: str, op_type: str, factory: Factory, *, versions: Iterable[int] = (1,)
) -> Registration:
    """Add a converter for an operator that has none; see docs/extending.md.

    Parameters
    ----------
    domain : str
        Operator domain, such as ``"acme"``; the empty string is the standard's.
    op_type : str
        Operator, such as ``"Sparkle"``.
    factory : callable
        Takes the `Node` (``attributes``, ``inputs``, ``outputs``) and returns a
        ``torch.nn.Module``. The module is called positionally with one tensor for each
        input, None for an absent one, and returns a tensor, or a tuple with one for each
        output. It should raise `ConversionError` for a form that it does not cover.
    versions : iterable of int
        Versions of the operator: for a domain whose schemas the onnx package does not
        know, versions of the operator set that files import.

    Returns
    -------
    Registration
        Keep it to undo the registration; as a context manager it does so by itself.

    Raises
    ------
    UsageError
        If there are no versions, or one of them has a converter already.
    """
    operators = [Operator("" if domain == "ai.onnx" else domain, op_type, v) for v in versions]
    if not operators:
        raise UsageError(f"register {op_type!r}: give at least one version, such as versions=(1,)")
    for operator in operators:
        if is_covered(operator) or operator in EXTENSIONS:
            raise UsageError(
                f"{operator} already has a converter; remove() the earlier registration, or "
                "register the missing versions"
            )
    EXTENSIONS.update(dict.fromkeys(operators, factory))
    return Registration(operators)
