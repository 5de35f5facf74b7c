"""Which rule of a composite stands at which tensor of a graph (no PyTorch here)."""

from __future__ import annotations

from collections.abc import Mapping

from onnxplain.errors import MethodRefusedError
from onnxplain.relevance.composites import Composite, RuleUse, Site


def planned_rules(
    composite: Composite, found: Mapping[str, Site], chains: Mapping[str, tuple[str, ...]]
) -> dict[str, RuleUse]:
    """Rules that the composite names, by the tensor at which each is applied.

    Parameters
    ----------
    composite : Composite
        The composite.
    found : mapping of str to Site
        All nodes on the way, see `onnxplain.relevance.sites.sites`.
    chains : mapping of str to tuple of str
        For each node with weights, its output tensor, and that of every node up to the last
        one that is merged with it.

    Raises
    ------
    MethodRefusedError
        If a rule cannot stand where it is named.
    """
    inside = {n for chain in chains.values() for n in chain} - chains.keys()
    plan: dict[str, RuleUse] = {}
    for name, site in found.items():
        use = None if name in inside else composite.rule_for(site)
        if use is None:
            continue
        plan[chains[name][-1] if name in chains else name] = use
        if use.rule == "z-box" and "first" not in site.positions:
            raise MethodRefusedError(
                f"rule z-box cannot stand at tensor {name!r}: only the first nodes with "
                "weights have inputs with known bounds; match position first"
            )
    return plan
