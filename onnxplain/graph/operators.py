"""What is known about each operator: one row for every one that converts.

Whoever follows the picture, the signal or the relevance through a graph asks here. An operator
is named with its domain unless that is the standard's, as `Node.operator` names it. One
without a row is not known: the callers then assume nothing and say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Flag, auto
from types import MappingProxyType


class Trait(Flag):
    """A property of an operator that holds whatever its attributes and constants are."""

    # How the places of the output follow from those of the input.
    #: Element i of the output is made of element i of the first input; all else that is read
    #: are parameters.
    ELEMENTWISE = auto()
    #: The same of all operands, which are repeated along axes of length one.
    JOINS = auto()
    #: Elementwise but for a scale measured on the whole tensor. It carries no evidence (see
    #: `Graph.descendants`), but a part of the picture cannot be computed without the rest.
    COMMON_SCALE = auto()
    #: Each place is made of the same place; the channels stand on axis 1.
    PER_CHANNEL = auto()
    #: The axes mean what those of the first input mean, whatever happens along them.
    KEEPS_AXES = auto()
    #: (N, C, places) in, (N, C, places) out.
    SPATIAL = auto()
    #: A kernel walks over the places.
    WINDOWED = auto()
    #: One number for all that is read along some axes.
    REDUCES = auto()
    #: The same elements in the same order, in another shape.
    RESHAPES = auto()
    #: A product of the last axis with a matrix, the second operand.
    PRODUCT = auto()
    #: The element type is not that of the first input.
    RETYPES = auto()

    # What it does to the signal.
    #: Combines what it reads with weights that a network learns.
    WEIGHTED = auto()
    #: Relevance passes element by element.
    PASSES = auto()
    #: Every element of the output is one of an input, or a constant that fills up, and
    #: relevance travels back with it.
    MOVES = auto()
    #: The same, where the values decide which.
    CHOOSES = auto()
    #: Linear with fixed coefficients, which are positive but for cubic interpolation.
    AVERAGES = auto()
    #: Linear in each of two operands.
    BILINEAR = auto()
    #: Divides by the deviation over the axes from the one named to the last.
    NORMALISES_END = auto()
    #: Divides by the deviation over all places of a channel, or of a group of them.
    NORMALISES_PLACES = auto()
    #: Divides by a sum or norm along the one axis named (of some up to opset 12, from it on).
    NORMALISES_ALONG = auto()
    #: An activation that lets what is positive pass and holds back what is negative.
    RELU_LIKE = auto()
    #: Between fixed bounds, so that a product with it lets more or less pass.
    GATE = auto()
    #: Never negative.
    POSITIVE = auto()
    #: Not negative if nothing that it reads as signal is.
    KEEPS_SIGN = auto()
    #: The further inputs are shapes, axes, indices or bounds.
    FIRST_ONLY = auto()
    #: The result is no signal: a shape, an index, a truth or a number of bits.
    NO_SIGNAL = auto()


_NONE = Trait(0)
_SAME, _JOINS, _KEEPS = Trait.ELEMENTWISE, Trait.JOINS, Trait.KEEPS_AXES
_PASSES, _MOVES, _FIRST = Trait.PASSES, Trait.MOVES, Trait.FIRST_ONLY
_SIGN, _POSITIVE, _RETYPES = Trait.KEEPS_SIGN, Trait.POSITIVE, Trait.RETYPES
_SPATIAL, _WINDOWED, _WEIGHTED = Trait.SPATIAL, Trait.WINDOWED, Trait.WEIGHTED
_PRODUCT, _BILINEAR, _RELU = Trait.PRODUCT, Trait.BILINEAR, Trait.RELU_LIKE
_REDUCES = Trait.REDUCES | _FIRST
_TRUTH = Trait.NO_SIGNAL | _RETYPES
_BITS = Trait.NO_SIGNAL

# Relevance has no rule at trigonometric functions and their like, nor at Sign, which keeps
# nothing of the size. The other elementwise operators without `PASSES` never meet it: what is
# fused or counts in integers is written out in standard operators first, and CastLike becomes
# Cast.
OPERATORS: Mapping[str, Trait] = MappingProxyType(
    {
        "Abs": _SAME | _PASSES | _POSITIVE,
        "Acos": _SAME | _POSITIVE,
        "Acosh": _SAME | _POSITIVE,
        "Add": _JOINS | _SIGN,
        "AffineGrid": _NONE,
        "And": _JOINS | _BITS,
        "ArgMax": _TRUTH,
        "ArgMin": _TRUTH,
        "Asin": _SAME,
        "Asinh": _SAME,
        "Atan": _SAME,
        "Atanh": _SAME,
        "Attention": _NONE,
        "AveragePool": _SPATIAL | _WINDOWED | Trait.AVERAGES | _SIGN,
        "BatchNormalization": Trait.PER_CHANNEL,
        "BitCast": _SAME | _RETYPES,
        "BitShift": _JOINS | _BITS,
        "BitwiseAnd": _JOINS | _BITS,
        "BitwiseNot": _SAME | _BITS,
        "BitwiseOr": _JOINS | _BITS,
        "BitwiseXor": _JOINS | _BITS,
        "BlackmanWindow": _NONE,
        "Cast": _SAME | _PASSES | _RETYPES,
        "CastLike": _SAME | _RETYPES,
        "CausalConvWithState": _NONE,
        "Ceil": _SAME | _PASSES,
        "Celu": _SAME | _PASSES | _RELU,
        "CenterCropPad": _KEEPS | _FIRST,
        "Clip": _SAME | _PASSES | _FIRST,
        "Col2Im": _NONE,
        "Compress": _NONE,
        "Concat": _MOVES | _SIGN,
        "Constant": _NONE,
        "ConstantOfShape": _TRUTH,
        "Conv": _SPATIAL | _WINDOWED | _WEIGHTED,
        "ConvInteger": _SPATIAL | _WINDOWED | _WEIGHTED | _RETYPES,
        "ConvTranspose": _SPATIAL | _WEIGHTED,
        "Cos": _SAME,
        "Cosh": _SAME | _POSITIVE,
        "CumProd": _KEEPS | _FIRST,
        "CumSum": _KEEPS | _FIRST,
        "DFT": _NONE,
        "DeformConv": _SPATIAL | _WEIGHTED,
        "DepthToSpace": _SPATIAL | _MOVES | _SIGN,
        "DequantizeLinear": _SAME | _PASSES | _RETYPES,
        "Det": _NONE,
        "Div": _JOINS,
        "Dropout": _SAME | _PASSES | _SIGN | _FIRST,
        "DynamicQuantizeLinear": Trait.COMMON_SCALE | _PASSES | _RETYPES,
        "Einsum": _NONE,
        "Elu": _SAME | _PASSES | _RELU,
        "Equal": _JOINS | _TRUTH,
        "Erf": _SAME | _PASSES,
        "Exp": _SAME | _PASSES | _POSITIVE,
        "Expand": _MOVES | _SIGN | _FIRST,
        "EyeLike": Trait.NO_SIGNAL,
        "Flatten": Trait.RESHAPES | _MOVES | _SIGN,
        "Floor": _SAME | _PASSES,
        "GRU": _NONE,
        "Gather": _MOVES | _SIGN | _FIRST,
        "GatherElements": _MOVES | _SIGN | _FIRST,
        "GatherND": _MOVES | _SIGN | _FIRST,
        "Gelu": _SAME | _PASSES | _RELU,
        "Gemm": _PRODUCT | _WEIGHTED | _BILINEAR,
        "GlobalAveragePool": _SPATIAL | Trait.AVERAGES | _SIGN,
        "GlobalLpPool": _SPATIAL | _POSITIVE,
        "GlobalMaxPool": _SPATIAL | Trait.CHOOSES | _SIGN,
        "Greater": _JOINS | _TRUTH,
        "GreaterOrEqual": _JOINS | _TRUTH,
        "GridSample": _NONE,
        "GroupNormalization": _KEEPS | Trait.NORMALISES_PLACES,
        "HammingWindow": _NONE,
        "HannWindow": _NONE,
        "HardSigmoid": _SAME | _PASSES | _POSITIVE | Trait.GATE,
        "HardSwish": _SAME | _PASSES | _RELU,
        "Hardmax": _KEEPS | Trait.NORMALISES_ALONG | _POSITIVE,
        "Identity": _SAME | _PASSES | _SIGN,
        "If": _NONE,
        "InstanceNormalization": _KEEPS | Trait.NORMALISES_PLACES,
        "IsInf": _SAME | _TRUTH,
        "IsNaN": _SAME | _TRUTH,
        "LRN": Trait.PER_CHANNEL,
        "LSTM": _NONE,
        "LayerNormalization": _KEEPS | Trait.NORMALISES_END,
        "LeakyRelu": _SAME | _PASSES | _RELU,
        "Less": _JOINS | _TRUTH,
        "LessOrEqual": _JOINS | _TRUTH,
        "LinearAttention": _NONE,
        "Log": _SAME | _PASSES,
        "LogSoftmax": _KEEPS | Trait.NORMALISES_ALONG,
        "Loop": _NONE,
        "LpNormalization": _KEEPS | Trait.NORMALISES_ALONG | _SIGN,
        "LpPool": _SPATIAL | _WINDOWED | _POSITIVE,
        "MatMul": _PRODUCT | _WEIGHTED | _BILINEAR,
        "MatMulInteger": _PRODUCT | _WEIGHTED | _RETYPES,
        "Max": _JOINS | Trait.CHOOSES | _SIGN,
        "MaxPool": _SPATIAL | _WINDOWED | Trait.CHOOSES | _SIGN,
        "MaxUnpool": _NONE,
        "Mean": _JOINS | Trait.AVERAGES | _SIGN,
        "MeanVarianceNormalization": _KEEPS,
        "MelWeightMatrix": _NONE,
        "Min": _JOINS | Trait.CHOOSES | _SIGN,
        "Mish": _SAME | _PASSES | _RELU,
        "Mod": _JOINS,
        "Mul": _JOINS | _SIGN,
        "Neg": _SAME | _PASSES,
        "NonMaxSuppression": _TRUTH,
        "NonZero": _TRUTH,
        "Not": _SAME | _BITS,
        "OneHot": _NONE,
        "Or": _JOINS | _BITS,
        "PRelu": _SAME | _PASSES | _RELU,
        "Pad": _KEEPS | _MOVES | _FIRST,
        "Pow": _SAME | _PASSES,
        "QLinearConv": _SPATIAL | _WINDOWED | _WEIGHTED,
        "QLinearMatMul": _PRODUCT | _WEIGHTED,
        "QuantizeLinear": _SAME | _PASSES | _RETYPES,
        "RMSNormalization": _KEEPS | Trait.NORMALISES_END,
        "RNN": _NONE,
        "Range": Trait.NO_SIGNAL,
        "Reciprocal": _SAME | _PASSES,
        "ReduceL1": _REDUCES | _POSITIVE,
        "ReduceL2": _REDUCES | _POSITIVE,
        "ReduceLogSum": _REDUCES,
        "ReduceLogSumExp": _REDUCES,
        "ReduceMax": _REDUCES | Trait.CHOOSES | _SIGN,
        "ReduceMean": _REDUCES | Trait.AVERAGES | _SIGN,
        "ReduceMin": _REDUCES | Trait.CHOOSES | _SIGN,
        "ReduceProd": _REDUCES | _SIGN,
        "ReduceSum": _REDUCES | Trait.AVERAGES | _SIGN,
        "ReduceSumSquare": _REDUCES | _POSITIVE,
        "Relu": _SAME | _PASSES | _RELU | _POSITIVE,
        "Reshape": Trait.RESHAPES | _MOVES | _SIGN | _FIRST,
        "Resize": _KEEPS | Trait.AVERAGES | _FIRST,
        "ReverseSequence": _SIGN | _FIRST,
        "RoiAlign": _NONE,
        "RotaryEmbedding": _NONE,
        "Round": _SAME | _PASSES,
        "STFT": _NONE,
        "Scan": _NONE,
        "Scatter": _NONE,
        "ScatterElements": _NONE,
        "ScatterND": _NONE,
        "Selu": _SAME | _PASSES | _RELU,
        "Shape": _TRUTH,
        "Shrink": _SAME | _PASSES,
        "Sigmoid": _SAME | _PASSES | _POSITIVE | Trait.GATE,
        "Sign": _SAME,
        "SimplifiedLayerNormalization": _KEEPS | Trait.NORMALISES_END,
        "Sin": _SAME,
        "Sinh": _SAME,
        "Size": _TRUTH,
        "Slice": _KEEPS | _MOVES | _SIGN | _FIRST,
        "Softmax": _KEEPS | Trait.NORMALISES_ALONG | _POSITIVE | Trait.GATE,
        "Softplus": _SAME | _PASSES | _RELU | _POSITIVE,
        "Softsign": _SAME | _PASSES,
        "SpaceToDepth": _SPATIAL | _MOVES | _SIGN,
        "Split": _KEEPS | _MOVES | _SIGN | _FIRST,
        "Sqrt": _SAME | _PASSES | _POSITIVE,
        "Squeeze": Trait.RESHAPES | _MOVES | _SIGN | _FIRST,
        "Sub": _JOINS,
        "Sum": _JOINS | Trait.AVERAGES | _SIGN,
        "SwiGLU": _JOINS,
        "Swish": _SAME | _PASSES | _RELU,
        "Tan": _SAME,
        "Tanh": _SAME | _PASSES | Trait.GATE,
        "TensorScatter": _NONE,
        "ThresholdedRelu": _SAME | _PASSES | _RELU,
        "Tile": _MOVES | _SIGN | _FIRST,
        "TopK": _NONE,
        "Transpose": _MOVES | _SIGN,
        "Trilu": _KEEPS | _SIGN | _FIRST,
        "Unique": _NONE,
        "Unsqueeze": Trait.RESHAPES | _MOVES | _SIGN | _FIRST,
        "Upsample": _KEEPS | Trait.AVERAGES | _SIGN | _FIRST,
        "Where": _JOINS | _MOVES | _RETYPES,
        "Xor": _JOINS | _BITS,
        "com.microsoft::Attention": _NONE,
        "com.microsoft::BiasGelu": _SAME | _RELU,
        "com.microsoft::CDist": _NONE,
        "com.microsoft::DequantizeLinear": _SAME | _RETYPES,
        "com.microsoft::DynamicQuantizeLSTM": _NONE,
        "com.microsoft::DynamicQuantizeMatMul": _PRODUCT | _WEIGHTED,
        "com.microsoft::EmbedLayerNormalization": _NONE,
        "com.microsoft::ExpandDims": Trait.RESHAPES | _SIGN | _FIRST,
        "com.microsoft::FastGelu": _SAME | _RELU,
        "com.microsoft::FusedConv": _SPATIAL | _WINDOWED | _WEIGHTED,
        "com.microsoft::FusedGemm": _PRODUCT | _WEIGHTED,
        "com.microsoft::FusedMatMul": _PRODUCT | _WEIGHTED | _BILINEAR,
        "com.microsoft::GatherBlockQuantized": _NONE,
        "com.microsoft::GatherND": _SIGN | _FIRST,
        "com.microsoft::Gelu": _SAME | _RELU,
        "com.microsoft::GridSample": _NONE,
        "com.microsoft::GroupQueryAttention": _NONE,
        "com.microsoft::Inverse": _NONE,
        "com.microsoft::MatMulBnb4": _PRODUCT | _WEIGHTED,
        "com.microsoft::MatMulIntegerToFloat": _PRODUCT | _WEIGHTED | _RETYPES,
        "com.microsoft::MatMulNBits": _PRODUCT | _WEIGHTED,
        "com.microsoft::MultiHeadAttention": _NONE,
        "com.microsoft::NhwcMaxPool": _KEEPS | _SIGN,
        "com.microsoft::Pad": _KEEPS | _FIRST,
        "com.microsoft::QAttention": _NONE,
        "com.microsoft::QEmbedLayerNormalization": _NONE,
        "com.microsoft::QGemm": _PRODUCT | _WEIGHTED,
        "com.microsoft::QLinearAdd": _JOINS,
        "com.microsoft::QLinearAveragePool": _SPATIAL | _WINDOWED,
        "com.microsoft::QLinearConcat": _NONE,
        "com.microsoft::QLinearConv": _SPATIAL | _WINDOWED | _WEIGHTED,
        "com.microsoft::QLinearGlobalAveragePool": _SPATIAL,
        "com.microsoft::QLinearLeakyRelu": _SAME,
        "com.microsoft::QLinearMul": _JOINS,
        "com.microsoft::QLinearSigmoid": _SAME,
        "com.microsoft::QLinearSoftmax": _KEEPS,
        "com.microsoft::QLinearWhere": _JOINS | _RETYPES,
        "com.microsoft::QuantizeLinear": _SAME | _RETYPES,
        "com.microsoft::QuickGelu": _SAME | _RELU,
        "com.microsoft::Range": Trait.NO_SIGNAL,
        "com.microsoft::RotaryEmbedding": _NONE,
        "com.microsoft::SkipLayerNormalization": _KEEPS,
        "com.microsoft::SkipSimplifiedLayerNormalization": _KEEPS,
        "com.microsoft::TransposeMatMul": _PRODUCT | _WEIGHTED | _BILINEAR,
        "com.microsoft::Trilu": _KEEPS | _SIGN | _FIRST,
    }
)


def having(traits: Trait) -> frozenset[str]:
    """Names of the operators that have at least one of some traits."""
    return frozenset(name for name, own in OPERATORS.items() if own & traits)


# Each place of the output is made of the same place of the input.
IN_PLACE = having(Trait.ELEMENTWISE | Trait.COMMON_SCALE | Trait.PER_CHANNEL)
# The same, up to operands that are repeated along axes of length one.
JOINING = having(Trait.JOINS)
WEIGHTED = having(Trait.WEIGHTED)
