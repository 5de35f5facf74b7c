"""Where ONNX Runtime does not compute what a quantised file says, and tests cannot ask for it.

On an x86 processor without VNNI its kernels for int8 weights add pairs of products in 16 bits,
which overflows: 255 x 127 + 255 x 127 becomes 32767. What is deployed there is another network
than the file describes (the shipped int8 network finds another class for the cat). Weights of
uint8 are not affected. The option ``session.x64quantprecision`` is no way out: in ONNX Runtime
1.31 it makes files that have a QGemm of signed numbers unusable.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

REASON = (
    "on this processor (no VNNI) ONNX Runtime's sums over int8 weights overflow at 16 bits: "
    "its results are not what the file says"
)


@functools.cache
def sums_overflow() -> bool:
    """Multiply largest numbers and see."""
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> '
        "g (uint8[4,64] a) => (int32[4,32] y) { y = MatMulInteger(a, b) }"
    )
    weight = np.full((64, 32), 127, np.int8)
    model.graph.initializer.append(numpy_helper.from_array(weight, "b"))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {"a": np.full((4, 64), 255, np.uint8)})[0]
    return bool((found != 255 * 127 * 64).any())


needs_exact_sums = pytest.mark.skipif(sums_overflow(), reason=REASON)


def skip_if_sums_overflow(
    model: onnx.ModelProto,
    feeds: Mapping[str, np.ndarray] | None = None,
    *,
    as_written: bool = False,
) -> None:
    """Skip the running test where sums overflow and the model has int8 weights.

    `feeds` may hold weights as well. As written, a file that dequantises its weights adds them up
    as floats; only its integer operators count.
    """
    weights = any(
        t.data_type == TensorProto.INT8 and len(t.dims) > 1 for t in model.graph.initializer
    )
    weights |= any(a.dtype == np.int8 and a.ndim > 1 for a in (feeds or {}).values())
    floats = as_written and not any(
        n.op_type.startswith("QLinear") or "Integer" in n.op_type or n.op_type == "QGemm"
        for n in model.graph.node
    )
    if weights and not floats and sums_overflow():
        pytest.skip(REASON)
