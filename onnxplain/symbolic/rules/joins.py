"""Functions of several numbers, with broadcasting."""

from __future__ import annotations

from onnxplain.symbolic.back import Back
from onnxplain.symbolic.registry import rule


@rule("Add", "Sum")
def add(at: Back) -> list[str | None]:
    """The same for all operands."""
    return [at.to_operand(at.slope, k) if at.wants(k) else None for k in range(at.count)]


@rule("Mean")
def mean(at: Back) -> list[str | None]:
    """An equal share for each operand."""
    share = at("Div", at.slope, float(at.count))
    return [at.to_operand(share, k) if at.wants(k) else None for k in range(at.count)]


@rule("Sub")
def subtract(at: Back) -> list[str | None]:
    """The negative for the second."""
    return [
        at.to_operand(at.slope, 0) if at.wants(0) else None,
        at.to_operand(at("Neg", at.slope), 1) if at.wants(1) else None,
    ]


@rule("Mul")
def multiply(at: Back) -> list[str | None]:
    """Times the other operand."""
    return [
        at.to_operand(at("Mul", at.slope, at.x(1 - k)), k) if at.wants(k) else None for k in (0, 1)
    ]


@rule("Div")
def divide(at: Back) -> list[str | None]:
    """1 / b and -a / b^2."""
    share = at("Div", at.slope, at.x(1))
    return [
        at.to_operand(share, 0) if at.wants(0) else None,
        at.to_operand(at("Neg", at("Mul", share, at.y)), 1) if at.wants(1) else None,
    ]


@rule("Max", "Min")
def extremum(at: Back) -> list[str | None]:
    """Pair by pair from the left; equal values share, as in the PyTorch engine."""
    if at.count == 1:
        return [at.slope]
    running = [at.x(0)]
    for k in range(1, at.count):
        running.append(at(at.node.op_type, running[-1], at.x(k)))
    found: list[str | None] = [None] * at.count
    slope = at.slope
    for k in range(at.count - 1, 0, -1):
        before, here = running[k - 1], at.x(k)
        wins = "Greater" if at.node.op_type == "Max" else "Less"
        half = at("Mul", at.cast(at("Equal", here, before)), 0.5)
        share = at("Add", at.cast(at(wins, here, before)), half)
        if at.wants(k):
            found[k] = at.to_operand(at("Mul", slope, share), k)
        slope = at("Mul", slope, at("Sub", 1.0, share))
    if at.wants(0):
        found[0] = at.to_operand(slope, 0)
    return found


@rule("Where")
def where(at: Back) -> list[str | None]:
    """To the operand that was taken."""
    chosen = at.x(0)
    return [
        None,
        at.to_operand(at("Where", chosen, at.slope, 0.0), 1) if at.wants(1) else None,
        at.to_operand(at("Where", chosen, 0.0, at.slope), 2) if at.wants(2) else None,
    ]


@rule("Mod")
def remainder(at: Back) -> list[str]:
    """The dividend's derivative; the divisor is a constant."""
    at.only(0)
    return [at.to_operand(at.slope, 0)]
