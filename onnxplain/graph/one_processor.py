"""Files that ONNX Runtime has optimised for the layouts of one processor, and saved again.

Their operators keep channels in blocks of that processor's width. No gradient passes them, and
which places of the picture their tensors hold is not known.
"""

from __future__ import annotations

from onnxplain.graph.view import Graph

LAYOUTS = frozenset({"com.microsoft.nchwc", "com.ms.internal.nhwc"})
ADVICE = "the file was optimised for one processor: use the one before that"


def advice_for(graph: Graph) -> str:
    """Say what to do about a file for one processor; nothing of any other."""
    return f"; {ADVICE}" if any(n.domain in LAYOUTS for n in graph.nodes) else ""
