"""onnx_ir without the computer algebra that it imports for arithmetic on symbolic lengths.

No pass that is used here does such arithmetic, and sympy takes longer to load than all that
is needed of onnx_ir.
"""

from __future__ import annotations

from onnxplain.deferred import deferred

with deferred("sympy", "onnx_ir._symbolic_shapes"):
    import onnx_ir as ir
    from onnx_ir.passes import common as passes

__all__ = ["ir", "passes"]
