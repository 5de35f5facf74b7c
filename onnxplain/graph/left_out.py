"""What a file holds beside the graph that is explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from onnxplain.errors import MethodRefusedError


@dataclass(frozen=True)
class LeftOut:
    """What was cut off because the explained output is not computed from it.

    Attributes
    ----------
    explained : str
        The output that is explained; empty if nothing was cut off.
    outputs, inputs : tuple of str
        Graph outputs and inputs that went, in file order.
    operators : mapping of str to int
        How many nodes of each kind went, in order.
    tensors : mapping of str to tuple of str
        The tensors that went, each with the outputs that are computed from it.
    nodes : mapping of str to str
        Names of the nodes that went, each with its first tensor.
    """

    explained: str = ""
    outputs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    operators: Mapping[str, int] = field(default_factory=dict, hash=False)
    tensors: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    nodes: Mapping[str, str] = field(default_factory=dict, hash=False)

    def refuse(self, name: str) -> None:
        """Refuse to look at a tensor that went, by its name, its node's, or an ending of it.

        Raises
        ------
        MethodRefusedError
            With the outputs by which it can be reached; nothing happens for another name.
        """
        tensor = name if name in self.tensors else self.nodes.get(name)
        if tensor is None:
            ends = {t for t in self.tensors if t.endswith(name)}
            ends |= {t for node, t in self.nodes.items() if node.endswith(name)}
            if not name or len(ends) != 1:
                return
            tensor = ends.pop()
        leads_to = ", ".join(map(repr, self.tensors[tensor]))
        raise MethodRefusedError(
            f"the explained output {self.explained!r} is not computed from tensor "
            f"{tensor!r}; outputs that are: {leads_to}; choose one with --output"
        )


@dataclass(frozen=True)
class Wrapped:
    """An output of the file that is not a tensor: a map, a sequence or an optional value.

    Attributes
    ----------
    kind : str
        Its type, such as ``"sequence(map(string, float32))"``.
    tensors : tuple of str
        The floating-point tensors that it holds. If there is exactly one and nothing else, it is
        an output under the wrapped output's own name.
    added : tuple of str
        Those of them that are outputs only because of this; they are explained if named.
    labels : tuple of str
        Names of the classes, if it is a map.
    """

    kind: str
    tensors: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
