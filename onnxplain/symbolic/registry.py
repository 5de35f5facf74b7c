"""The rule of each operator: how derivatives pass it on their way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onnxplain.symbolic.back import Back

#: Returns the derivative with respect to each input, in order; ``None`` for those that have
#: none or that nobody needs. A shorter list leaves out the last ones.
Rule = Callable[[Back], Sequence[str | None]]

RULES: dict[str, Rule] = {}


def rule(*operators: str) -> Callable[[Rule], Rule]:
    """Register the rule of some operators, named as in `onnxplain.graph.operators`."""

    def register(function: Rule) -> Rule:
        for operator in operators:
            if operator in RULES:
                raise ValueError(f"two rules for {operator}")
            RULES[operator] = function
        return function

    return register
