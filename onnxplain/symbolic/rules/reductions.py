"""Reductions: what arrives is spread over the axes that were reduced."""

from __future__ import annotations

from collections.abc import Callable

from onnxplain.symbolic.back import Back
from onnxplain.symbolic.registry import rule


class _Reduced:
    """A reduction, with its result and what arrives in a form that fits its input."""

    def __init__(self, at: Back) -> None:
        self.at = at
        given = at.integers(1) if at.has(1) else at.get("axes") or []
        rank = at.rank()
        nothing = not given and at.get("noop_with_empty_axes", 0)
        self.axes = [] if nothing else sorted(a % rank for a in given) or list(range(rank))
        keeps = bool(at.get("keepdims", 1)) or not self.axes
        self.slope = at.slope if keeps else self._unsqueeze(at.slope)
        self.y = at.y if keeps else self._unsqueeze(at.y)

    def _unsqueeze(self, x: str) -> str:
        return self.at("Unsqueeze", x, self.axes)

    def spread(self, factor: str | None = None) -> str:
        """What arrives, at every element, times a factor for each."""
        at = self.at
        if factor is not None:
            return at("Mul", self.slope, factor)
        return at("Expand", self.slope, at("Shape", at.x()))


def _winners(reduced: _Reduced) -> str:
    """Equal extrema share, as in the PyTorch engine."""
    at = reduced.at
    hits = at.cast(at("Equal", at.x(), reduced.y))
    return reduced.spread(at("Div", hits, at.sum(hits, reduced.axes)) if reduced.axes else hits)


def _norm(reduced: _Reduced) -> str:
    at = reduced.at
    zero = at("Equal", reduced.y, 0.0)
    unit = at("Div", at.x(), at("Where", zero, 1.0, reduced.y))
    return reduced.spread(unit)


def _mean(reduced: _Reduced) -> str:
    at = reduced.at
    count = 1
    for axis in reduced.axes:
        count *= at.known(at.shape()[axis])
    return at("Mul", reduced.spread(), 1.0 / count) if count > 1 else reduced.spread()


def _log_sum(reduced: _Reduced) -> str:
    # The result is log s, so that 1 / s is exp(-result).
    at = reduced.at
    share = at("Mul", reduced.slope, at("Exp", at("Neg", reduced.y)))
    return at("Expand", share, at("Shape", at.x()))


_REDUCTIONS: dict[str, Callable[[_Reduced], str]] = {
    "ReduceL1": lambda r: r.spread(r.at("Sign", r.at.x())),
    "ReduceL2": _norm,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": lambda r: r.spread(r.at("Exp", r.at("Sub", r.at.x(), r.y))),
    "ReduceMax": _winners,
    "ReduceMean": _mean,
    "ReduceMin": _winners,
    "ReduceSum": lambda r: r.spread(),
    "ReduceSumSquare": lambda r: r.spread(r.at("Mul", r.at.x(), 2.0)),
}


@rule(*_REDUCTIONS)
def reduce(at: Back) -> list[str]:
    """Spread over the axes that were reduced, in proportion to each element's part."""
    return [_REDUCTIONS[at.node.op_type](_Reduced(at))]
