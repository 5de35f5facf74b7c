"""How each ONNX operator without weights hands relevance on (no PyTorch here)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from onnxplain.graph.operators import Trait, having

# How gradients pass ReLU-like nodes, when not as derivatives.
Rectification = Literal["guided", "deconvnet", "linear"]

# The relevance passes element by element: y_i depends on x_i alone.
ELEMENTWISE = having(Trait.PASSES)
# The output holds input elements at other places: relevance travels back with them.
MOVING = having(Trait.MOVES | Trait.CHOOSES)
# The epsilon rule on the operator itself.
AVERAGING = having(Trait.AVERAGES)
# The same for what these read their values from, held constant where they read from it.
READING = frozenset("GridSample RoiAlign DeformConv com.microsoft::GridSample".split())
# Linear as well, with coefficients of any sign.
LINEAR_MAPS = frozenset(
    "CumSum Col2Im DFT RotaryEmbedding com.microsoft::MatMulNBits com.microsoft::MatMulBnb4".split()
)
# Norms and powers of them: x_i dy/dx_i are the shares, which add up to y times this degree
# (Euler's theorem).
HOMOGENEOUS: Mapping[str, int] = MappingProxyType(
    {"ReduceL1": 1, "ReduceL2": 1, "GlobalLpPool": 1, "LpPool": 1, "ReduceSumSquare": 2}
)
# Relevance travels back by the derivative, which chooses elements, or, in the soft maximum
# ReduceLogSumExp, weighs them with weights that add up to one.
CHOOSING = frozenset(
    "CenterCropPad Compress MaxUnpool ReverseSequence Scatter ScatterElements ScatterND "
    "TensorScatter TopK Trilu ReduceLogSumExp com.microsoft::ExpandDims com.microsoft::GatherND "
    "com.microsoft::NhwcMaxPool com.microsoft::Pad com.microsoft::Trilu".split()
)
# Layers whose mean is linear and whose deviation is held constant (AttnLRP, proposition 3.4).
NORMALISING = frozenset(
    "LayerNormalization RMSNormalization SimplifiedLayerNormalization InstanceNormalization "
    "GroupNormalization MeanVarianceNormalization".split()
)
# Quotients of each element and a norm, which is held constant.
SCALING = frozenset({"LpNormalization", "LRN"})
GATES = having(Trait.GATE)
# Products of two signals, also with transposed operands and a factor.
BILINEAR = having(Trait.BILINEAR) | {"Einsum"}
# Every operator with a rule; any other one on the way of the relevance is refused.
RULED = frozenset(
    "BatchNormalization Add Sub Mul Div Conv ConvTranspose Softmax LogSoftmax ReduceLogSum".split()
).union(
    ELEMENTWISE,
    MOVING,
    AVERAGING,
    READING,
    LINEAR_MAPS,
    HOMOGENEOUS,
    CHOOSING,
    NORMALISING,
    SCALING,
    BILINEAR,
)
