"""Names and parameters of all relevance rules, as plain data (no PyTorch here)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from onnxplain.errors import UnknownNameError, UsageError

# Rules of nodes with weights, and the parameters that each takes.
WITH_WEIGHTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "epsilon": frozenset({"epsilon"}),
        "norm": frozenset(),
        "z-plus": frozenset({"zero_bias"}),
        "alpha-beta": frozenset({"alpha", "beta", "zero_bias"}),
        "gamma": frozenset({"gamma"}),
        "z-box": frozenset(),
        "w-square": frozenset(),
        "flat": frozenset(),
        "pass": frozenset(),
    }
)
# Rules that can be laid over the ones that nodes without weights have by their operator.
WITHOUT_WEIGHTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "epsilon": frozenset({"epsilon"}),
        "norm": frozenset(),
        "pass": frozenset(),
        "gradient": frozenset(),
        "none": frozenset(),
        "deep-taylor": frozenset(),
        "halves": frozenset(),
        "signal": frozenset(),
    }
)


def check_rule(rule: str, parameters: Mapping[str, Any]) -> None:
    """Refuse a rule that does not exist, or parameters that it cannot have.

    Parameters
    ----------
    rule : str
        A key of `WITH_WEIGHTS` or `WITHOUT_WEIGHTS`.
    parameters : mapping of str to value
        Its parameters.

    Raises
    ------
    UnknownNameError
        If the rule, or one of its parameters, is unknown.
    UsageError
        If a value is out of range.
    """
    known = {**WITHOUT_WEIGHTS, **WITH_WEIGHTS}
    if rule not in known:
        raise UnknownNameError("relevance rule", rule, known, f"rules: {', '.join(known)}")
    for name, value in parameters.items():
        if name not in known[rule]:
            listed = ", ".join(sorted(known[rule])) or "none"
            raise UnknownNameError(
                f"parameter of rule {rule}", name, known[rule], f"parameters: {listed}"
            )
        if name == "zero_bias":
            fits, wanted = isinstance(value, bool), "true or false"
        else:
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            fits = number and math.isfinite(value) and value >= 0
            wanted = "a finite number that is not negative"
        if not fits:
            raise UsageError(f"{name} of rule {rule} is {value!r}; it must be {wanted}")
    if rule == "alpha-beta":
        alpha, beta = parameters.get("alpha", 2.0), parameters.get("beta", 1.0)
        if not math.isclose(alpha - beta, 1.0):
            raise UsageError(
                f"alpha - beta of rule alpha-beta is {alpha - beta:g}; it must be 1, so that "
                "relevance is conserved"
            )
