"""How each ONNX operator without weights hands relevance on (no PyTorch here)."""

from __future__ import annotations

from typing import Literal

# How gradients pass ReLU-like nodes, when not as derivatives.
Rectification = Literal["guided", "deconvnet", "linear"]

# The relevance passes element by element: y_i depends on x_i alone.
ELEMENTWISE = frozenset(
    "Relu Clip LeakyRelu PRelu ThresholdedRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh "
    "Softplus Softsign Mish Gelu Swish Erf Exp Log Sqrt Pow Reciprocal Neg Abs Identity Dropout "
    "Cast Shrink Round Floor Ceil QuantizeLinear DequantizeLinear DynamicQuantizeLinear".split()
)
# The output holds input elements at other places: relevance travels back with them.
MOVING = frozenset(
    "Flatten Reshape Transpose Gather GatherElements GatherND Slice Squeeze Unsqueeze Concat "
    "Split Pad Expand Tile DepthToSpace SpaceToDepth MaxPool GlobalMaxPool ReduceMax ReduceMin "
    "Max Min Where".split()
)
# Linear with fixed positive coefficients: the epsilon rule on the operator itself.
AVERAGING = frozenset(
    "AveragePool GlobalAveragePool ReduceMean ReduceSum Sum Mean Resize Upsample".split()
)
NORMALISING = frozenset({"LayerNormalization", "RMSNormalization"})
GATES = frozenset({"Sigmoid", "HardSigmoid", "Tanh", "Softmax"})
# Products of two signals, also with transposed operands and a factor.
BILINEAR = frozenset(
    "MatMul Gemm com.microsoft::FusedMatMul com.microsoft::TransposeMatMul".split()
)
# Every operator with a rule; any other one on the way of the relevance is refused.
RULED = frozenset("BatchNormalization Add Sub Mul Div Conv ConvTranspose Softmax".split()).union(
    ELEMENTWISE, MOVING, AVERAGING, NORMALISING, BILINEAR
)
