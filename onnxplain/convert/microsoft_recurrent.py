"""LSTM whose weights are 8-bit integers and whose operands are rounded as they come."""

from __future__ import annotations

from torch import Tensor, nn

from onnxplain.convert.quantised import dequantise, dynamic_quantize
from onnxplain.convert.recurrent import Recurrent
from onnxplain.graph.view import Node


def _rounded(x: Tensor) -> Tensor:
    """Quantise to 8 bits over the range of `x` and back; gradients pass straight through."""
    return dequantise(*dynamic_quantize(x))


def _weights(stored: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    """Dequantise (D, inputs, 4 * H) and transpose; one scale for a direction or a column."""
    shape = (stored.shape[0], 1, -1)
    return dequantise(stored, scale.reshape(shape), zero.reshape(shape)).mT


class DynamicQuantizeLSTM(Recurrent):
    """DynamicQuantizeLSTM; see `Recurrent` for what the first eight inputs mean."""

    def _remembered(self, h: Tensor) -> Tensor:
        return _rounded(h)

    def forward(
        self, x: Tensor, w: Tensor, r: Tensor, *rest: Tensor | None
    ) -> Tensor | tuple[Tensor, ...]:
        """Round the whole sequence, then run over it, rounding the state at every step."""
        optional, parameters = rest[:5], rest[5:]
        if optional[1] is not None and bool((optional[1] < x.shape[0]).any()):
            # The range that is rounded over would depend on sequences that have ended.
            raise ValueError("sequences shorter than the longest are not supported")
        w_scale, w_zero, r_scale, r_zero = (p for p in parameters if p is not None)
        weights = _weights(w, w_scale, w_zero), _weights(r, r_scale, r_zero)
        return super().forward(_rounded(x), *weights, *optional)


def dynamic_quantize_lstm(node: Node) -> nn.Module:
    """DynamicQuantizeLSTM."""
    return DynamicQuantizeLSTM(node)
