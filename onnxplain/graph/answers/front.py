"""What stands in front of ranks, labels and decisions at the end of a graph."""

from __future__ import annotations

from dataclasses import dataclass, replace

from onnxplain.graph.answers.trace import Tracer

_MOST_SELECTIONS = 6


@dataclass(frozen=True)
class Front:
    """The tensor that an output is selected from, or the output itself.

    Attributes
    ----------
    tensor : str
        The tensor.
    notes : tuple of str
        What was followed back, one phrase each.
    selected : bool
        Whether there is a selection at all.
    axis : int or None
        The axis that the selection runs over.
    sign : float
        -1 if the smallest number wins, or if a number below a limit counts as yes.
    limit : float or None
        What the numbers are compared with.
    """

    tensor: str
    notes: tuple[str, ...] = ()
    selected: bool = False
    axis: int | None = None
    sign: float = 1.0
    limit: float | None = None


def front_of(tracer: Tracer, output: str) -> Front:
    """Follow ranks, labels and decisions back to the numbers they are selected from."""
    found = Front(output)
    last = tracer.graph.producers.get(output)
    if last is not None and last.op_type == "QuantizeLinear":
        found = Front(last.inputs[0], (f"QuantizeLinear {output!r}",))
    for _ in range(_MOST_SELECTIONS):
        parts = [p for p in tracer.parts(found.tensor) if p.kind != "constant"]
        sources = {p.anchor.tensor for p in parts if p.kind == "select"}
        if len(sources) != 1 or any(p.kind != "select" for p in parts):
            break
        first = parts[0]
        notes = (*found.notes, *(n for p in parts for n in p.notes))
        found = replace(
            found,
            tensor=sources.pop(),
            notes=tuple(dict.fromkeys(notes)),
            selected=True,
            axis=first.axes[0] if len(first.axes) == 1 else found.axis,
            sign=-found.sign if first.scale < 0 else found.sign,
            limit=first.limit,
        )
    return found
