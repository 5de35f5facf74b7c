"""Which operators convert, and by what: one table, readable without PyTorch.

A version is the opset in which the operator last changed (``since_version``). A graph of
opset 7 to the newest known one uses no other versions than those listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from onnx import defs

from onnxplain.convert.aliases import ALIASES
from onnxplain.graph.bodies import nodes_with_bodies
from onnxplain.graph.view import Graph, Node

Versions = tuple[int, ...]

# Converters of this package: "file.function", then the operators and versions it covers. Those
# of control_flow get the converted bodies of the node as well.
OURS: Mapping[str, Mapping[str, Versions]] = {
    "activation.swiglu": {"SwiGLU": (28,)},
    "attention.attention": {"Attention": (23, 24, 25)},
    "attention.rotary_embedding": {"RotaryEmbedding": (23,)},
    "quantised.conv_integer": {"ConvInteger": (10,)},
    "quantised.dequantize_linear": {"DequantizeLinear": (10, 13, 19, 21, 23, 24, 25, 28)},
    "quantised.dynamic_quantize_linear": {"DynamicQuantizeLinear": (11,)},
    "quantised.matmul_integer": {"MatMulInteger": (10,)},
    "quantised.qlinear_conv": {"QLinearConv": (10,)},
    "quantised.qlinear_matmul": {"QLinearMatMul": (10, 21)},
    "quantised.quantize_linear": {"QuantizeLinear": (10, 13, 19, 21, 23, 24, 25, 28)},
    "recurrent.recurrent": {"GRU": (7, 14, 22), "LSTM": (7, 14, 22), "RNN": (7, 14, 22)},
    "sampling.affine_grid": {"AffineGrid": (20,)},
    "sampling.deform_conv": {"DeformConv": (19, 22)},
    "sampling.grid_sample": {"GridSample": (16, 20, 22)},
    "activation.clip": {"Clip": (6, 11, 12, 13)},
    "activation.gelu": {"Gelu": (20,)},
    "activation.hardmax": {"Hardmax": (13,)},
    "activation.hardmax_flattened": {"Hardmax": (1, 11)},
    "activation.log_softmax": {"LogSoftmax": (13,)},
    "activation.log_softmax_flattened": {"LogSoftmax": (1, 11)},
    "activation.mish": {"Mish": (18, 22)},
    "activation.prelu": {"PRelu": (7, 9, 16)},
    "activation.selu": {"Selu": (6, 22)},
    "activation.shrink": {"Shrink": (9,)},
    "activation.softmax": {"Softmax": (13,)},
    "activation.softmax_flattened": {"Softmax": (1, 11)},
    "activation.softplus": {"Softplus": (1, 22)},
    "activation.swish": {"Swish": (24,)},
    "activation.thresholded_relu": {"ThresholdedRelu": (10, 22)},
    "cast.bit_cast": {"BitCast": (26,)},
    "cast.cast": {"Cast": (6, 9, 13, 19, 21, 23, 24, 25, 28)},
    "cast.cast_like": {"CastLike": (15, 19, 21, 23, 24, 25)},
    "control_flow.if_": {"If": (1, 11, 13, 16, 19, 21, 23, 24, 25)},
    "control_flow.loop": {"Loop": (1, 11, 13, 16, 19, 21, 23, 24, 25)},
    "control_flow.scan": {"Scan": (9, 11, 16, 19, 21, 23, 24, 25)},
    "control_flow.scan_8": {"Scan": (8,)},
    "conv.conv": {"Conv": (1, 11, 22)},
    "conv.conv_transpose": {"ConvTranspose": (1, 11, 22)},
    "creation.constant": {"Constant": (1, 9, 11, 12, 13, 19, 21, 23, 24, 25)},
    "creation.constant_of_shape": {"ConstantOfShape": (9, 20, 21, 23, 24, 25)},
    "creation.eye_like": {"EyeLike": (9, 22)},
    "creation.one_hot": {"OneHot": (9, 11, 28)},
    "creation.range_": {"Range": (11, 27)},
    "creation.triangle": {"Trilu": (14,)},
    "detection.non_max_suppression": {"NonMaxSuppression": (10, 11)},
    "detection.roi_align": {"RoiAlign": (16, 22)},
    "detection.roi_align_10": {"RoiAlign": (10,)},
    "elementwise.binary": {"BitwiseAnd": (18,), "BitwiseOr": (18,), "BitwiseXor": (18,)},
    "elementwise.bit_shift": {"BitShift": (11, 28)},
    "elementwise.extremum": {"Max": (6, 8, 12, 13), "Min": (6, 8, 12, 13)},
    "elementwise.is_infinite": {"IsInf": (10, 20)},
    "elementwise.modulo": {"Mod": (10, 13, 28)},
    "elementwise.power": {"Pow": (7, 12, 13, 15)},
    "elementwise.unary": {
        "Acosh": (9, 22),
        "Asinh": (9, 22),
        "Atanh": (9, 22),
        "BitwiseNot": (18,),
        "Cosh": (9, 22),
        "Det": (11, 22),
        "IsNaN": (9, 13, 20),
        "Sinh": (9, 22),
    },
    "indexing.compress": {"Compress": (9, 11, 28)},
    "indexing.cumulate": {"CumProd": (26,), "CumSum": (11, 14)},
    "indexing.gather": {"Gather": (1, 11, 13)},
    "indexing.gather_elements": {"GatherElements": (11, 13)},
    "indexing.gather_nd": {"GatherND": (11, 12, 13)},
    "indexing.non_zero": {"NonZero": (9, 13)},
    "indexing.reverse_sequence": {"ReverseSequence": (10, 28)},
    "indexing.scatter_elements": {"Scatter": (9,), "ScatterElements": (11, 13, 16, 18)},
    "indexing.scatter_nd": {"ScatterND": (11, 13, 16, 18)},
    "indexing.slice_": {"Slice": (1, 10, 11, 13)},
    "indexing.top_k": {"TopK": (1, 10, 11, 24)},
    "linear.gemm": {"Gemm": (7, 9, 11, 13)},
    "linear.matmul": {"MatMul": (1, 9, 13)},
    "normalization.batch_normalization": {"BatchNormalization": (7, 9, 14, 15)},
    "normalization.group_normalization": {"GroupNormalization": (21,)},
    "normalization.group_normalization_18": {"GroupNormalization": (18,)},
    "normalization.instance_normalization": {"InstanceNormalization": (6, 22)},
    # Before opset 17, ONNX Runtime writes its own LayerNormalization into the standard domain.
    "normalization.layer_normalization": {"LayerNormalization": tuple(range(7, 18))},
    "normalization.local_response_normalization": {"LRN": (1, 13)},
    "normalization.lp_normalization": {"LpNormalization": (1, 22)},
    "normalization.mean_variance_normalization": {"MeanVarianceNormalization": (9, 13)},
    "normalization.rms_normalization": {
        "RMSNormalization": (23,),
        "SimplifiedLayerNormalization": tuple(range(7, 27)),
    },
    "pad.center_crop_pad": {"CenterCropPad": (18,)},
    "pad.pad": {"Pad": (2, 11, 13, 18, 19, 21, 23, 24, 25)},
    "patches.column_to_image": {"Col2Im": (18,)},
    "pool.average_pool": {"AveragePool": (7, 10, 11, 19, 22)},
    "pool.global_average_pool": {"GlobalAveragePool": (1, 22)},
    "pool.global_lp_pool": {"GlobalLpPool": (2,)},
    "pool.global_max_pool": {"GlobalMaxPool": (1, 22)},
    "pool.lp_pool": {"LpPool": (2, 11, 18, 22)},
    "pool.max_pool": {"MaxPool": (1, 8, 10, 11, 12, 22)},
    "reduce.arg_extremum": {"ArgMax": (1, 11, 12, 13), "ArgMin": (1, 11, 12, 13)},
    "reduce.reduce": {
        "ReduceL1": (1, 11, 13, 18),
        "ReduceL2": (1, 11, 13, 18),
        "ReduceLogSum": (1, 11, 13, 18, 28),
        "ReduceLogSumExp": (1, 11, 13, 18, 28),
        "ReduceMax": (1, 11, 12, 13, 18, 20),
        "ReduceMean": (1, 11, 13, 18),
        "ReduceMin": (1, 11, 12, 13, 18, 20),
        "ReduceProd": (1, 11, 13, 18),
        "ReduceSum": (1, 11, 13),
        "ReduceSumSquare": (1, 11, 13, 18),
    },
    "resize.resize": {"Resize": (11, 13, 18, 19)},
    "resize.upsample": {"Resize": (10,), "Upsample": (7, 9)},
    "sequence.causal_conv_with_state": {"CausalConvWithState": (27,)},
    "sequence.linear_attention": {"LinearAttention": (27,)},
    "sequence.tensor_scatter": {"TensorScatter": (24,)},
    "shape.depth_to_space": {"DepthToSpace": (1, 11, 13, 28)},
    "shape.dropout": {"Dropout": (12, 13, 22)},
    "shape.dropout_10": {"Dropout": (10,)},
    "shape.dropout_7": {"Dropout": (7,)},
    "shape.expand": {"Expand": (8, 13)},
    "shape.flatten": {"Flatten": (1, 9, 11, 13, 21, 23, 24, 25)},
    "shape.identity": {"Identity": (1, 13, 14, 16, 19, 21, 23, 24, 25)},
    "shape.reshape": {"Reshape": (5, 13, 14, 19, 21, 23, 24, 25)},
    "shape.shape": {"Shape": (1, 13, 15, 19, 21, 23, 24, 25)},
    "shape.size": {"Size": (1, 13, 19, 21, 23, 24, 25)},
    "shape.space_to_depth": {"SpaceToDepth": (1, 13, 28)},
    "shape.split": {"Split": (2, 11, 13, 18)},
    "shape.squeeze": {"Squeeze": (1, 11, 13, 21, 23, 24, 25)},
    "shape.tile": {"Tile": (6, 13)},
    "shape.transpose": {"Transpose": (1, 13, 21, 23, 24, 25)},
    "shape.unsqueeze": {"Unsqueeze": (1, 11, 13, 21, 23, 24, 25)},
    "signal.dft": {"DFT": (20,)},
    "signal.dft_17": {"DFT": (17,)},
    "signal.mel_weight_matrix": {"MelWeightMatrix": (17,)},
    "signal.stft": {"STFT": (17,)},
    "unique.unique": {"Unique": (11, 28)},
    "unpool.max_unpool": {"MaxUnpool": (9, 11, 22)},
    "signal.window": {"BlackmanWindow": (17,), "HammingWindow": (17,), "HannWindow": (17,)},
}

# Operators of ONNX Runtime's own domain, all in version 1.
MICROSOFT: Mapping[str, tuple[str, ...]] = {
    "creation.range_": ("Range",),
    "creation.triangle": ("Trilu",),
    "indexing.gather_nd": ("GatherND",),
    "microsoft.bias_gelu": ("BiasGelu", "FastGelu", "Gelu"),
    "microsoft.distance": ("CDist",),
    "microsoft.expand_dims": ("ExpandDims",),
    "microsoft.fused_conv": ("FusedConv",),
    "microsoft.fused_gemm": ("FusedGemm",),
    "microsoft.fused_matmul": ("FusedMatMul", "TransposeMatMul"),
    "microsoft.inverse": ("Inverse",),
    "microsoft.quick_gelu": ("QuickGelu",),
    "microsoft.skip_layer_normalization": ("SkipLayerNormalization",),
    "microsoft.skip_rms_normalization": ("SkipSimplifiedLayerNormalization",),
    "microsoft_attention.attention": ("Attention",),
    "microsoft_attention.multi_head_attention": ("MultiHeadAttention",),
    "microsoft_attention.quantised_attention": ("QAttention",),
    "microsoft_blocks.gather_block_quantized": ("GatherBlockQuantized",),
    "microsoft_blocks.matmul_bnb4": ("MatMulBnb4",),
    "microsoft_blocks.matmul_n_bits": ("MatMulNBits",),
    "microsoft_embedding.embed_layer_normalization": ("EmbedLayerNormalization",),
    "microsoft_embedding.quantised_embed_layer_normalization": ("QEmbedLayerNormalization",),
    "microsoft_embedding.rotary_embedding": ("RotaryEmbedding",),
    "microsoft_grouped.group_query_attention": ("GroupQueryAttention",),
    "microsoft_quantised.dynamic_quantize_matmul": ("DynamicQuantizeMatMul",),
    "microsoft_quantised.matmul_integer_to_float": ("MatMulIntegerToFloat",),
    "microsoft_quantised.nhwc_max_pool": ("NhwcMaxPool",),
    "microsoft_quantised.qgemm": ("QGemm",),
    "microsoft_quantised.qlinear_binary": ("QLinearAdd", "QLinearMul"),
    "microsoft_quantised.qlinear_concat": ("QLinearConcat",),
    "microsoft_quantised.qlinear_conv": ("QLinearConv",),
    "microsoft_quantised.qlinear_unary": (
        "QLinearAveragePool",
        "QLinearGlobalAveragePool",
        "QLinearLeakyRelu",
        "QLinearSigmoid",
        "QLinearSoftmax",
    ),
    "microsoft_quantised.qlinear_where": ("QLinearWhere",),
    "microsoft_recurrent.dynamic_quantize_lstm": ("DynamicQuantizeLSTM",),
    "pad.pad": ("Pad",),
    "quantised.dequantize_linear": ("DequantizeLinear",),
    "quantised.quantize_linear": ("QuantizeLinear",),
    "sampling.grid_sample": ("GridSample",),
}

# Converters of onnx2torch that are used as they are.
STOCK: Mapping[str, Versions] = {
    "Abs": (6, 13),
    "Acos": (7,),
    "Add": (7, 13, 14),
    "And": (7,),
    "Asin": (7,),
    "Atan": (7,),
    "Ceil": (6, 13),
    "Celu": (12,),
    "Concat": (4, 11, 13),
    "Cos": (7,),
    "Div": (7, 13, 14),
    "Einsum": (12,),
    "Elu": (6,),
    "Equal": (7, 11, 13),
    "Erf": (9, 13),
    "Exp": (6, 13),
    "Floor": (6, 13),
    "Greater": (7, 9, 13),
    "GreaterOrEqual": (12,),
    "HardSigmoid": (6,),
    "HardSwish": (14,),
    "LeakyRelu": (6, 16),
    "Less": (7, 9, 13),
    "LessOrEqual": (12,),
    "Log": (6, 13),
    "Mean": (8, 13),
    "Mul": (7, 13, 14),
    "Neg": (6, 13),
    "Not": (1,),
    "Or": (7,),
    "Reciprocal": (6, 13),
    "Relu": (6, 13, 14),
    "Round": (11,),
    "Sigmoid": (6, 13),
    "Sign": (9, 13),
    "Sin": (7,),
    "Softsign": (1,),
    "Sqrt": (6, 13),
    "Sub": (7, 13, 14),
    "Sum": (8, 13),
    "Tan": (7,),
    "Tanh": (6, 13),
    "Where": (9, 16),
    "Xor": (7,),
}


@dataclass(frozen=True, order=True)
class Operator:
    """An operator in the version that a graph's opset selects."""

    domain: str
    op_type: str
    version: int

    def __str__(self) -> str:
        prefix = f"{self.domain}::" if self.domain else ""
        return f"{prefix}{self.op_type}-{self.version}"


EXTENSIONS: dict[Operator, Callable[[Node], Any]] = {}
"""What users registered, see `onnxplain.convert.extensions`: the function makes the module."""


@cache
def _since_version(domain: str, op_type: str, opset: int) -> int:
    try:
        return defs.get_schema(op_type, opset, domain).since_version
    except defs.SchemaError:
        return opset


def operator_of(node: Node, graph: Graph) -> Operator:
    """Operator and version of one node of `graph`."""
    opset = graph.opsets.get(node.domain, 1)
    return Operator(node.domain, node.op_type, _since_version(node.domain, node.op_type, opset))


@cache
def _targets() -> Mapping[Operator, str]:
    standard = {
        Operator("", op_type, version): target
        for target, covered in OURS.items()
        for op_type, versions in covered.items()
        for version in versions
    }
    microsoft = {
        Operator("com.microsoft", op_type, 1): target
        for target, covered in MICROSOFT.items()
        for op_type in covered
    }
    return {**standard, **microsoft}


def target_of(operator: Operator) -> str | None:
    """Name of our converter, as ``"file.function"``; None if we have none."""
    return _targets().get(operator)


def stock_version(operator: Operator) -> int | None:
    """Version under which onnx2torch has a converter of the same meaning, or None."""
    if operator.domain:
        return None
    if operator.version in STOCK.get(operator.op_type, ()):
        return operator.version
    return ALIASES.get((operator.op_type, operator.version))


def is_covered(operator: Operator) -> bool:
    """Whether this package or onnx2torch converts `operator`; extensions do not count."""
    return target_of(operator) is not None or stock_version(operator) is not None


def count_missing(graph: Graph) -> Iterator[tuple[Operator, int, str]]:
    """Operators that do not convert, with how many nodes use them and the first tensor.

    The bodies of If, Loop and Scan count as well.
    """
    counts: Counter[Operator] = Counter()
    first: dict[Operator, str] = {}
    for node, place in nodes_with_bodies(graph):
        operator = operator_of(node, place)
        if operator not in EXTENSIONS and not is_covered(operator):
            counts[operator] += 1
            first.setdefault(operator, node.output)
    for operator in sorted(counts):
        yield operator, counts[operator], first[operator]


def missing_operators(graph: Graph) -> list[str]:
    """Operators of `graph` that do not convert to PyTorch.

    Returns
    -------
    list of str
        Sorted and unique, such as ``"SequenceAt-11"`` or ``"com.microsoft::NGramRepeatBlock-1"``;
        empty if everything converts. A listed operator may still be refused by `to_torch`
        in a rare form, which its message then names.
    """
    return [str(operator) for operator, _, _ in count_missing(graph)]
