"""How each ONNX operator without weights hands relevance on (no PyTorch here)."""

from __future__ import annotations

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
NORMALISING = having(Trait.NORMALISES_END)
GATES = having(Trait.GATE)
# Products of two signals, also with transposed operands and a factor.
BILINEAR = having(Trait.BILINEAR)
# Every operator with a rule; any other one on the way of the relevance is refused.
RULED = frozenset("BatchNormalization Add Sub Mul Div Conv ConvTranspose Softmax".split()).union(
    ELEMENTWISE, MOVING, AVERAGING, NORMALISING, BILINEAR
)
