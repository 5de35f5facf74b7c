"""How much work a node on constants is, before it is done."""

from __future__ import annotations

import math
from collections.abc import Sequence

from onnxplain.graph.ir import ir

# Each element of the result takes a bounded number of steps in NumPy.
_PLAIN = frozenset(
    "Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh BatchNormalization BitShift "
    "BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu Clip Compress Concat "
    "Constant ConstantOfShape Cos Cosh CumSum DepthToSpace Div Elu Equal Erf Exp Expand EyeLike "
    "Flatten Floor Gather GatherElements GatherND Gelu Greater GreaterOrEqual HardSigmoid "
    "HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu "
    "Less LessOrEqual Log LogSoftmax Max Mean Min Mish Mod Mul Neg NonZero Not OneHot Or PRelu "
    "Pad Pow Range Reciprocal "
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
    "ReduceSum ReduceSumSquare Relu Reshape Round ScatterElements ScatterND Selu Shape Shrink "
    "Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze "
    "Sub Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Where "
    "Xor".split()
)
_PRODUCTS = frozenset({"MatMul", "Gemm"})
# Of all others the reference implementation may be a loop of Python.
_MOST_OTHERS = 100_000


def work_of(node: ir.Node, operands: Sequence[int], results: Sequence[int]) -> int | None:
    """Return about how many steps a node takes; ``None`` where that is not known to be few.

    Parameters
    ----------
    node : onnx_ir.Node
        The node.
    operands, results : sequence of int
        Elements of its inputs and outputs.
    """
    read, made = sum(operands), sum(results)
    if node.op_type in _PLAIN:
        return read + made
    if node.op_type in _PRODUCTS:
        # (m, k) times (k, n): the root of mk * kn * mn is mkn.
        return math.isqrt(max(math.prod(operands[:2]) * made, 1)) + read + made
    others = (read + 1) * (made + 1)
    if node.op_type == "Einsum":  # every letter may be a loop of its own
        others = (math.prod(operands) + 1) * (made + 1)
    return others if others <= _MOST_OTHERS else None
