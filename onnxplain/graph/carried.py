"""Maps that a file carries because `onnxplain export` wrote them: told from what it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import onnx

from onnxplain.graph.view import captured_by

#: Key of the metadata of an exported file.
KEY = "onnxplain.export"
# In front of the names of everything that was added to a file.
_ADDED = "explained/"
_LONGEST = 1 << 16
_WORD = re.compile(r"[A-Za-z0-9.+-]{1,40}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Carried:
    """What an exported file holds beside its answers.

    Attributes
    ----------
    outputs : mapping of str to str
        Name of the output with the map of each method.
    version : str
        Version of onnxplain that wrote it.
    source : str
        Digest of the original; empty if that had none.
    inputs : tuple of str
        Inputs that were added.
    beside : tuple of str
        Further outputs that were added.
    """

    outputs: Mapping[str, str]
    version: str
    source: str
    inputs: tuple[str, ...]
    beside: tuple[str, ...] = ()

    def describe(self, answer: str) -> str:
        """Say so in one line, with the name of the output that the maps explain."""
        maps = ", ".join(f"{m} ({name})" for m, name in self.outputs.items())
        made = f"made by onnxplain {self.version}"
        return f"carries maps: {maps} of {answer!r}; {made}" + (
            f" from {self.source[:12]}" if self.source else ""
        )


def says_it_carries(model: onnx.ModelProto) -> bool:
    """Whether the metadata claim that the file holds maps."""
    return any(p.key == KEY for p in model.metadata_props)


def carried_maps(model: onnx.ModelProto) -> Carried | None:
    """Return what the metadata say of maps, if the graph bears it out.

    Anybody can write metadata. What is called a map has to come out of a branch that an added
    input asks for, and something else has to be left that the file answers.
    """
    said = _read(model)
    if said is None:
        return None
    added, outputs = said.get("inputs"), said.get("outputs")
    version, source, gap = (said.get(k) or "" for k in ("version", "source_sha256", "gap"))
    if not (isinstance(added, dict) and isinstance(outputs, dict) and isinstance(gap, str)):
        return None
    if not (outputs and _names(added) and _names(outputs)):
        return None
    if not (isinstance(version, str) and _WORD.fullmatch(version)):
        return None
    if not (isinstance(source, str) and (not source or _DIGEST.fullmatch(source))):
        return None
    if not all(_WORD.fullmatch(method) for method in outputs):
        return None
    graph = model.graph
    defaults = {t.name for t in graph.initializer} & {i.name for i in graph.input}
    maps = {*outputs.values(), *([gap] if gap else [])}
    own = {o.name for o in graph.output} - maps
    branch = next((n for n in graph.node if maps.intersection(n.output)), None)
    fits = (
        branch is not None
        and branch.op_type == "If"
        and list(branch.input) == [added.get("explain")]
        and set(branch.output) == maps
        and maps < {o.name for o in graph.output}
        and set(added.values()) <= defaults
        and own
    )
    if not fits:
        return None
    beside = (gap,) if gap else ()
    return Carried(dict(outputs), version, source, tuple(added.values()), beside)


def without_maps(model: onnx.ModelProto, carried: Carried) -> onnx.ModelProto:
    """Return the model without its maps: what it was exported from.

    Parameters
    ----------
    model : onnx.ModelProto
        An exported one; left unchanged.
    carried : Carried
        What `carried_maps` found.
    """
    found = onnx.ModelProto()
    found.CopyFrom(model)
    graph = found.graph
    maps = {*carried.outputs.values(), *carried.beside}
    answers = [o for o in graph.output if o.name not in maps]
    inputs = [i for i in graph.input if i.name not in carried.inputs]
    read = {o.name for o in answers}
    kept = []
    for node in reversed(graph.node):
        if maps.intersection(node.output):
            continue
        added = all(o.startswith(_ADDED) for o in node.output)
        if added and not read.intersection(node.output):
            continue
        read.update(node.input)
        read.update(n for a in node.attribute for g in (a.g, *a.graphs) for n in captured_by(g))
        kept.append(node)
    weights = [
        t for t in graph.initializer
        if not (t.name in carried.inputs or (t.name.startswith(_ADDED) and t.name not in read))
    ]  # fmt: skip
    for field, values in (
        (graph.output, answers), (graph.input, inputs), (graph.node, kept[::-1]),
        (graph.initializer, weights),
    ):  # fmt: skip
        copies = [type(v).FromString(v.SerializeToString()) for v in values]
        del field[:]
        field.extend(copies)
    return found


def _read(model: onnx.ModelProto) -> dict[str, Any] | None:
    texts = [p.value for p in model.metadata_props if p.key == KEY]
    if len(texts) != 1 or len(texts[0]) > _LONGEST:
        return None
    try:
        said = json.loads(texts[0])
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _names(said: Mapping[str, Any]) -> bool:
    return all(isinstance(name, str) and name for name in said.values())
