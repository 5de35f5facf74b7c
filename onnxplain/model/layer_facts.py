"""Which layer is read by default, why, and which others there are, as plain data."""

from __future__ import annotations

from typing import Any

from onnxplain.graph.layer_list import early_layer, list_layers
from onnxplain.network.chosen_layer import about_layers
from onnxplain.network.network import Network


def layer_facts(network: Network) -> dict[str, Any]:
    """Say which layer is chosen and list those that can be.

    Returns
    -------
    dict
        ``chosen`` and ``early`` (names, or null), ``reason`` (of the choice, or why there is
        none), ``warning`` (what is doubtful about it; may be empty) and ``usable``: for each
        layer in the order of the graph ``index`` (what ``--layer`` takes), ``name``,
        ``operator``, ``channels``, ``grid``, ``depth`` (share of the layers with weights that
        it is computed by), ``field`` (height and width of what a unit sees by local paths),
        ``passed`` (whether all evidence passes it) and ``source`` (the module or scope that
        the exporter noted; may be empty).
    """
    choice, about = network.layer_choice, about_layers(network)
    early = early_layer(*about)
    return {
        "chosen": choice.layers[0].name if choice.layers else None,
        "early": early.name if early is not None else None,
        "reason": choice.reason,
        "warning": choice.warning,
        "usable": [
            {
                "index": index,
                "name": found.layer.name,
                "operator": found.layer.op_type,
                "channels": found.layer.channels,
                "grid": list(found.layer.grid),
                "depth": round(found.depth, 4),
                "field": list(found.field),
                "passed": found.passed,
                "source": found.source,
            }
            for index, found in enumerate(list_layers(*about))
        ],
    }
