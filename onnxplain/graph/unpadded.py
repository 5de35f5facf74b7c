"""Sections whose nodes need not pad, because zeros around their inputs do it for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onnxplain.graph.local import LocalNode, LocalPart
from onnxplain.graph.view import Node
from onnxplain.graph.windows import Need

# Cells in front of an axis and behind it, for height and for width.
Margins = tuple[tuple[int, int], tuple[int, int]]
NO_MARGINS: Margins = ((0, 0), (0, 0))
# They move values and compute none: zeros stay zeros.
_MOVES = frozenset({"Identity", "Reshape", "Transpose"})


@dataclass(frozen=True)
class Unpadded:
    """How nodes run without padding.

    Attributes
    ----------
    margins : Margins
        Zeros around the inputs.
    walks : mapping of str to (Need, Need)
        Cells of the inputs, along height and width, that cells of each tensor depend on.
    """

    margins: Margins
    walks: Mapping[str, tuple[Need, Need]]


def find_unpadded(
    nodes: Sequence[Node], local: LocalPart, inputs: Sequence[str], targets: Sequence[str]
) -> Unpadded | None:
    """Find the zeros with which nodes give the same if none of them pads.

    Possible where nothing but convolutions pads, where these read the inputs themselves, and
    where all paths walk alike: tensors that meet then have one size on any crop.

    Parameters
    ----------
    nodes : sequence of Node
        Those between `inputs` and `targets`, in order, and maybe others.
    local : LocalPart
        How they walk.
    inputs, targets : sequence of str
        Tensors of one grid each.

    Returns
    -------
    Unpadded or None
        None where zeros do not serve.
    """
    walks: dict[str, tuple[Need, Need]] = dict.fromkeys(inputs, (Need(), Need()))
    moved, margins = set(inputs), None
    for node in nodes:
        sources = [i for i in node.inputs if i in walks]
        if not sources:
            continue
        walk, found = walks[sources[0]], local.nodes.get(node.index)
        if found is None or any(walks[s] != walk for s in sources):
            return None
        only_moved = moved.issuperset(sources)
        own = _padding(found)
        if own != NO_MARGINS:
            if node.operator != "Conv" or not only_moved or margins not in (None, own):
                return None
            margins = own
        if node.operator in _MOVES and only_moved:
            moved.update(node.outputs)
        elif node.operator == "Reshape":  # its target shape would count what pads
            return None
        high, wide = found.steps
        after = (walk[0].followed_by(high), walk[1].followed_by(wide))
        walks |= dict.fromkeys((o for o in node.outputs if o), after)
    unpadded = Unpadded(margins or NO_MARGINS, walks)
    return unpadded if _holds(unpadded, local, inputs, targets) else None


def _padding(node: LocalNode) -> Margins:
    high, wide = node.steps
    return (high.before, high.after), (wide.before, wide.after)


def _holds(
    unpadded: Unpadded, local: LocalPart, inputs: Sequence[str], targets: Sequence[str]
) -> bool:
    """Whether all targets walk alike, and no cell of them reads further out than the zeros go.

    A pool that rounds its size up does.
    """
    needs = {unpadded.walks.get(t) for t in targets}
    if len(needs) != 1 or None in needs:
        return False
    size, cells = local.grids[inputs[0]].size, local.grids[targets[0]].size
    return all(
        need.before <= before and need.stride * (count - 1) + need.after < length + after
        for need, length, count, (before, after) in zip(
            unpadded.walks[targets[0]], size, cells, unpadded.margins, strict=True
        )
    )
