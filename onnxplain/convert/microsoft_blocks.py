"""Weights stored in few bits, with one scale for each block of them.

Values come out as numbers, so that what follows is an ordinary product or look-up. Layouts
and defaults are those of ONNX Runtime's operator documentation (ContribOperators.md).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from onnxplain.convert.function import Function, unsupported
from onnxplain.convert.integer_kernels import round_straight_through
from onnxplain.graph.view import Node

# The 16 values of the data types FP4 and NF4, in the order of their codes (bitsandbytes).
_FP4 = (0.0, 5.208333e-3, 2 / 3, 1.0, 1 / 3, 0.5, 1 / 6, 0.25)
_NF4 = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
    -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip


def unpack(stored: Tensor, bits: int) -> Tensor:
    """Split bytes into numbers along the last axis, low bits first; uint8 (..., n * 8 / bits)."""
    shifts = torch.arange(0, 8, bits, dtype=torch.uint8, device=stored.device)
    mask = (1 << bits) - 1
    return ((stored.unsqueeze(-1) >> shifts) & mask).flatten(-2)


def _rounded_rows(x: Tensor, block: int) -> Tensor:
    """Round each block of the last axis to 8 bits, symmetric, as accuracy level 4 does."""
    padded = nn.functional.pad(x, (0, -x.shape[-1] % block)).unflatten(-1, (-1, block))
    scale = padded.detach().abs().amax(-1, keepdim=True) / 127
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    rounded = round_straight_through(padded / scale) * scale
    return rounded.flatten(-2)[..., : x.shape[-1]]


def matmul_n_bits(node: Node) -> nn.Module:
    """MatMulNBits: the second operand, (N, K), is stored in blocks along K."""
    a = node.attributes
    length, rows, block, bits = a["K"], a["N"], a["block_size"], a.get("bits", 4)
    # ONNX Runtime has eight-bit products for these only, and computes in float otherwise.
    eight_bit_rows = a.get("accuracy_level", 0) == 4 and (bits != 2 or block >= 32)
    if any(node.inputs[4:5]):
        raise unsupported(node, "form with permuted groups (g_idx)")

    def apply(
        x: Tensor,
        stored: Tensor,
        scales: Tensor,
        zeros: Tensor | None = None,
        _: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> Tensor:
        numbers = unpack(stored, bits).reshape(rows, -1, block).to(scales.dtype)
        count = numbers.shape[1]
        if zeros is None:
            offset: Tensor | int = 1 << (bits - 1)
        elif zeros.dtype == torch.uint8:
            offset = unpack(zeros.reshape(rows, -1), bits)[:, :count, None].to(scales.dtype)
        else:
            offset = zeros.reshape(rows, count, 1)
        weights = (numbers - offset) * scales.reshape(rows, count, 1)
        rounded = eight_bit_rows and (zeros is None or not zeros.is_floating_point())
        operand = _rounded_rows(x, block) if rounded else x
        y = operand @ weights.flatten(1)[:, :length].T.to(x.dtype)
        return y if bias is None else y + bias

    return Function(apply)


def matmul_bnb4(node: Node) -> nn.Module:
    """MatMulBnb4: four-bit floating-point codes, scaled block by block of the flat matrix."""
    a = node.attributes
    length, rows, block = a["K"], a["N"], a["block_size"]
    values = _NF4 if a["quant_type"] == 1 else (*_FP4, *(-v for v in _FP4))

    def apply(x: Tensor, stored: Tensor, scales: Tensor) -> Tensor:
        # Unlike everywhere else, the first number is in the high bits.
        codes = unpack(stored.flatten(), 4).unflatten(0, (-1, 2)).flip(1).flatten()
        table = torch.tensor(values, dtype=scales.dtype, device=scales.device)
        numbers = table[codes.long()[: rows * length]]
        factors = scales.flatten().repeat_interleave(block)[: rows * length]
        return x @ (numbers * factors).reshape(rows, length).T

    return Function(apply)


def gather_block_quantized(node: Node) -> nn.Module:
    """GatherBlockQuantized: look rows up in a table stored in blocks."""
    a = node.attributes
    axis, along, block = (
        a.get("gather_axis", 0),
        a.get("quantize_axis", 1),
        a.get("block_size", 128),
    )
    bits = a.get("bits", 4)

    def apply(
        stored: Tensor, indices: Tensor, scales: Tensor, zeros: Tensor | None = None
    ) -> Tensor:
        packed = stored.dtype == torch.uint8 and bits < 8
        numbers = unpack(stored, bits) if packed else stored
        offset: Tensor | int = (1 << (bits - 1)) if packed or stored.dtype == torch.uint8 else 0
        size = numbers.shape[along]

        def spread(parameter: Tensor) -> Tensor:
            return parameter.repeat_interleave(block, along).narrow(along, 0, size)

        if zeros is not None:
            shown = unpack(zeros, bits) if packed else zeros
            shown = shown.narrow(along, 0, scales.shape[along])
            offset = spread(shown).to(scales.dtype)
        table = (numbers.to(scales.dtype) - offset) * spread(scales)
        index = torch.where(indices < 0, indices + table.shape[axis], indices).long()
        picked = table.index_select(axis, index.flatten())
        return picked.unflatten(axis, index.shape) if index.dim() else picked.squeeze(axis)

    return Function(apply)
