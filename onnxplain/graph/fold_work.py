"""How much work a node on constants is, before it is done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

# Each element of the result takes a bounded number of steps in NumPy.
_PLAIN = frozenset(
    "Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh BatchNormalization BitShift "
    "BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu Clip Compress Concat "
    "Constant ConstantOfShape Cos Cosh CumSum DepthToSpace Div Elu Equal Erf Exp Expand EyeLike "
    "Flatten Floor Gather GatherElements GatherND Gelu Greater GreaterOrEqual HardSigmoid "
    "HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu "
    "Less LessOrEqual Log LogSoftmax Max Mean Min Mish Mod Mul Neg NonZero Not OneHot Or PRelu "
    "Pad Pow Range Reciprocal ReverseSequence "
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
    "ReduceSum ReduceSumSquare Relu Reshape Round ScatterElements ScatterND Selu Shape Shrink "
    "Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze "
    "Sub Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Where "
    "Xor".split()
)
# Far more: onnx's own evaluator calls Python for each element, or for each row.
_SLOW = frozenset({"Erf", "Gelu", "TopK", "Unique", "OneHot", "Compress", "Hardmax"})
_LOOPS = frozenset(
    {"GatherElements", "GatherND", "ReverseSequence", "ScatterElements", "ScatterND"}
)
_PRODUCTS = frozenset({"MatMul", "Gemm"})
# Measured in steps of 3 nanoseconds: the most that one element takes.
_SLOW_STEPS, _LOOP_STEPS = 40, 500
# To find out the sizes of the results and to set up the evaluator.
_EACH_NODE = 100_000
# Multiplications of a matrix product are far cheaper.
_PRODUCTS_A_STEP = 8
# Others may be loops of Python over a kernel, a filter or a text's pattern, whose length an
# attribute says: of these only those that read nothing but their operands are computed.
_BY_OPERANDS = frozenset({"Einsum", "Det"})
_MOST_OTHERS = 100_000
# A whole number in an attribute is an axis, a type or a flag; above this it may be a length.
_LEAST_LENGTH = 64


def work_of(
    op_type: str,
    operands: Sequence[int],
    results: Sequence[int],
    *,
    numbers: Iterable[int] = (),
    texts: bool = False,
) -> int | None:
    """Return about how many steps a node takes; ``None`` where that is not known to be few.

    Parameters
    ----------
    op_type : str
        The node's operator, of the standard's own domain.
    operands, results : sequence of int
        Elements of its inputs and outputs.
    numbers : iterable of int
        Its attributes that are one whole number.
    texts : bool
        Whether they are texts.
    """
    read, made = sum(operands), sum(results)
    if any(abs(number) > _LEAST_LENGTH + read + made for number in numbers):
        return None
    if op_type in _PLAIN:
        slow = _SLOW_STEPS if op_type in _SLOW else 1
        each = _LOOP_STEPS if texts or op_type in _LOOPS else slow
        return _EACH_NODE + each * (read + made)
    if op_type in _PRODUCTS:
        # (m, k) times (k, n): the root of mk * kn * mn is mkn.
        products = math.isqrt(max(math.prod(operands[:2]) * made, 1))
        return _EACH_NODE + products // _PRODUCTS_A_STEP + read + made
    if op_type not in _BY_OPERANDS:
        return None
    others = (read + 1) * (made + 1)
    if op_type == "Einsum":  # every letter may be a loop of its own
        others = (math.prod(operands) + 1) * (made + 1)
    return _EACH_NODE + _LOOP_STEPS * others if others <= _MOST_OTHERS else None
