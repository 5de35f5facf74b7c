"""How much a convolution or pooling pads each side, from its attributes."""

from __future__ import annotations

from collections.abc import Sequence


def explicit_pads(
    auto_pad: str,
    pads: Sequence[int],
    size: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> list[int]:
    """Return padding in ONNX order: all beginnings, then all ends.

    ``SAME_UPPER`` and ``SAME_LOWER`` depend on the size of the input: the output has
    ``ceil(size / stride)`` positions, and an odd total puts the larger half at the end
    or at the beginning.
    """
    rank = len(size)
    if not auto_pad.startswith("SAME"):
        return list(pads) if pads and auto_pad == "NOTSET" else [0] * 2 * rank
    begin, end = [], []
    for length, k, s, d in zip(size, kernel, strides, dilations, strict=True):
        positions = -(-length // s)
        total = max(0, (positions - 1) * s + (k - 1) * d + 1 - length)
        small, large = total // 2, total - total // 2
        begin.append(small if auto_pad == "SAME_UPPER" else large)
        end.append(large if auto_pad == "SAME_UPPER" else small)
    return begin + end
