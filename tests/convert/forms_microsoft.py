"""Operators of ONNX Runtime's own domain, written as small nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.convert.forms import IMAGE, Form, X, f, integer, noise, positive, scalar, unit

W = noise(4, 3, 3, 3, seed=3)


def zero(value: int, dtype: type = np.uint8) -> np.ndarray:
    return np.array(value, dtype)


def quantised(*shape: int, seed: int = 0, dtype: type = np.uint8) -> np.ndarray:
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(low, high + 1, shape).astype(dtype)


_A = (quantised(2, 3, 4, 4), scalar(0.02), zero(120))
_B = (quantised(2, 3, 4, 4, seed=1), scalar(0.03), zero(90))
_Y = (scalar(0.05), zero(128))

_HEADS = {"num_heads": 2}
_TOKENS = noise(2, 5, 8)
_PROJECTION = noise(8, 24), noise(24)
_PAD = integer(1, 1, 1, 0, 0, 0, 1, 1, 1, 1, dtype=np.int32).reshape(2, 5)
_SQUARE = (quantised(2, 5, 5) % 2).astype(np.int32)
_QKV = noise(2, 3, 8), noise(2, 5, 8, seed=1), noise(2, 5, 8, seed=2)
_PAST = noise(2, 2, 3, 4), noise(2, 2, 3, 4, seed=1)
_LAST = integer(2, 4, dtype=np.int32), integer(5, dtype=np.int32).reshape(())
_GROUPED = noise(2, 5, 64), noise(2, 5, 32, seed=1), noise(2, 5, 32, seed=2)
_ANGLES = noise(20, 8), noise(20, 8, seed=4)
_SHARED = {"num_heads": 4, "kv_num_heads": 2}

ATTENTION = [
    f("Attention", _TOKENS, *_PROJECTION, **_HEADS),
    f("Attention", _TOKENS, *_PROJECTION, integer(3, 5, dtype=np.int32), **_HEADS),
    f("Attention", _TOKENS, *_PROJECTION, integer(5, 4, 1, 2, dtype=np.int32), **_HEADS),
    f("Attention", _TOKENS, *_PROJECTION, _PAD, mask_filter_value=-3.0, **_HEADS),
    f("Attention", _TOKENS, *_PROJECTION, _SQUARE, unidirectional=1, **_HEADS),
    f("Attention", _TOKENS, *_PROJECTION, None, None, noise(1, 1, 5, 5), scale=0.3, **_HEADS),
    f("Attention", _TOKENS, noise(8, 14), noise(14), qkv_hidden_sizes=[4, 4, 6], **_HEADS),
    f("Attention", _TOKENS, *_PROJECTION, None, noise(2, 2, 2, 3, 4), outputs=2,
      unidirectional=1, **_HEADS),
    f("QAttention", quantised(2, 5, 8), quantised(8, 24, dtype=np.int8), noise(24), scalar(0.02),
      scalar(0.01), integer(3, 5, dtype=np.int32), zero(128), zero(3, np.int8),
      constants=(1, 3, 4, 6, 7), **_HEADS),
    f("QAttention", quantised(2, 5, 8), quantised(8, 24), noise(24), scalar(0.02),
      positive(24) / 100, None, zero(128), np.full(24, 7, np.uint8), unidirectional=1,
      constants=(1, 3, 4, 6, 7), **_HEADS),
    f("MultiHeadAttention", *_QKV, **_HEADS),
    f("MultiHeadAttention", *_QKV, noise(24), scale=0.4, **_HEADS),
    f("MultiHeadAttention", *_QKV, None, integer(3, 5, dtype=np.int32), **_HEADS),
    f("MultiHeadAttention", *_QKV, None, _PAD, **_HEADS),
    f("MultiHeadAttention", *_QKV, noise(24), None, noise(2, 1, 3, 5), **_HEADS),
    f("MultiHeadAttention", _TOKENS, _TOKENS, _TOKENS, unidirectional=1, **_HEADS),
    f("MultiHeadAttention", *_QKV[:2], noise(2, 5, 6), noise(22), **_HEADS),
    f("MultiHeadAttention", _QKV[0], noise(2, 2, 5, 4), noise(2, 2, 5, 4, seed=3), noise(24),
      **_HEADS),
    f("MultiHeadAttention", _TOKENS, _TOKENS, _TOKENS, noise(24), None, None, *_PAST, outputs=3,
      unidirectional=1, **_HEADS),
    f("GroupQueryAttention", *_GROUPED, None, None, *_LAST, outputs=3, **_SHARED),
    f("GroupQueryAttention", *_GROUPED, None, None, *_LAST, *_ANGLES, outputs=3, do_rotary=1,
      **_SHARED),
    f("GroupQueryAttention", noise(2, 5, 128), None, None, None, None, *_LAST, *_ANGLES,
      outputs=3, do_rotary=1, rotary_interleaved=1, **_SHARED),
    f("GroupQueryAttention", *_GROUPED, None, None, *_LAST, outputs=3, local_window_size=2,
      softcap=5.0, scale=0.5, **_SHARED),
    f("GroupQueryAttention", *_GROUPED, None, None, *_LAST, None, None, None, noise(2, 4, 5, 5),
      outputs=3, **_SHARED),
]  # fmt: skip

_IDS = integer(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, dtype=np.int32).reshape(2, 5)
_SEGMENTS = integer(0, 0, 1, 1, 1, 0, 1, 1, 0, 0, dtype=np.int32).reshape(2, 5)
_TABLES = noise(12, 8), noise(7, 8, seed=1), noise(2, 8, seed=2), positive(8), noise(8)
_SMALL_TABLES = [quantised(*t.shape, seed=k) for k, t in enumerate(_TABLES)]
_SCALES = [scalar(v) for v in (0.02, 0.01, 0.03, 0.01, 0.005)]
_ZEROS = [zero(v) for v in (128, 120, 100, 3, 128)]

EMBEDDING = [
    f("EmbedLayerNormalization", _IDS, _SEGMENTS, *_TABLES, _PAD, outputs=3),
    f("EmbedLayerNormalization", _IDS, None, *_TABLES[:2], None, *_TABLES[3:], epsilon=1e-5,
      outputs=2),
    f("EmbedLayerNormalization", _IDS, _SEGMENTS, *_TABLES, None, _IDS % 7, outputs=2),
    f("QEmbedLayerNormalization", _IDS, _SEGMENTS, *_SMALL_TABLES, _PAD, *_SCALES, *_ZEROS,
      outputs=2),
    f("RotaryEmbedding", noise(2, 5, 16), integer(3), noise(20, 4), noise(20, 4, seed=1)),
    f("RotaryEmbedding", noise(2, 5, 16), _IDS.astype(np.int64), noise(20, 2),
      noise(20, 2, seed=1), num_heads=2, rotary_embedding_dim=4, interleaved=1),
    f("RotaryEmbedding", noise(2, 2, 5, 8), _IDS.astype(np.int64), noise(20, 4),
      noise(20, 4, seed=1)),
]  # fmt: skip


def _blocks(bits: int, zeros: np.ndarray | None = None, level: int = 0, block: int = 16) -> Form:
    """A product with six rows of 40 numbers, the last block of which is not full."""
    count = -(-40 // block)
    stored = quantised(6, count, block * bits // 8)
    return f("MatMulNBits", noise(2, 3, 40), stored, positive(6 * count) / 20, zeros, K=40, N=6,
             bits=bits, block_size=block, accuracy_level=level, constants=(1, 2, 3))  # fmt: skip


BLOCKS = [
    *(_blocks(bits, level=level) for bits in (2, 4, 8) for level in (0, 4)),
    *(_blocks(bits, quantised(6, -(-3 * bits // 8))) for bits in (2, 4, 8)),
    _blocks(4, noise(6, 3) + 7),
    _blocks(4, noise(6, 3) + 7, level=4),
    _blocks(2, level=4, block=32),
    f("MatMulNBits", noise(2, 32), quantised(6, 2, 8), positive(12), None, None, noise(6), K=32,
      N=6, bits=4, block_size=16, constants=(1, 2, 5)),
    *(f("MatMulBnb4", noise(3, 32), quantised(96), positive(12), K=32, N=6, block_size=16,
        quant_type=kind, constants=(1, 2)) for kind in (0, 1)),
    *(f("GatherBlockQuantized", quantised(10, 8 * bits), integer(1, -2, 3, 0).reshape(2, 2),
        positive(10, 4), zeros, block_size=16, bits=bits)
      for bits in (4, 8) for zeros in (None, quantised(10, bits // 2))),
]  # fmt: skip


def _lstm(directions: int, *scales: int, **settings: Any) -> Form:
    """Six inputs, four hidden units; one scale for a direction or for each column."""
    shape = (directions, *scales)
    stored = [quantised(directions, rows, 16, seed=rows, dtype=np.int8) for rows in (6, 4)]
    offset = np.zeros(shape, np.int8)
    state = noise(directions, 2, 4), noise(directions, 2, 4, seed=1)
    return f("DynamicQuantizeLSTM", noise(5, 2, 6), *stored, noise(directions, 32), None, *state,
             None, positive(*shape) / 300, offset, positive(*shape, seed=1) / 300, offset,
             hidden_size=4, outputs=3, constants=(1, 2, 3, 8, 9, 10, 11), **settings)  # fmt: skip


RECURRENT = [
    _lstm(1),
    _lstm(1, 16, direction="reverse"),
    _lstm(2, 16, direction="bidirectional"),
]

FLOATING = [
    f("FusedConv", IMAGE, W, noise(4), pads=[1, 1, 1, 1], activation="Relu"),
    f("FusedConv", IMAGE, W, noise(4), activation="LeakyRelu", activation_params=[0.2]),
    f("FusedConv", IMAGE, W, activation="Clip", activation_params=[-0.5, 0.6]),
    f("FusedConv", IMAGE, W, activation="HardSigmoid", activation_params=[0.3, 0.4]),
    f("FusedConv", IMAGE, W, noise(4), noise(2, 4, 5, 4, seed=5), activation="Relu"),
    f("FusedGemm", noise(2, 3), noise(4, 3), noise(4), transB=1, activation="Sigmoid"),
    f("FusedGemm", noise(2, 3), noise(3, 4), noise(4), activation="LeakyRelu",
      activation_alpha=0.3),
    *(f("FusedGemm", noise(2, 3), noise(3, 4), noise(4), activation=name)
      for name in ("Relu", "Softplus", "Softsign", "Tanh")),
    *(f("FusedGemm", noise(6, 3), noise(3, 4), noise(4), activation=name, activation_alpha=0.4)
      for name in ("Elu", "ThresholdedRelu")),
    f("FusedGemm", noise(2, 3), noise(3, 4), noise(4), activation="HardSigmoid",
      activation_alpha=0.3, activation_beta=0.4),
    f("FusedGemm", noise(2, 3), noise(3, 4), noise(4), activation="Selu", activation_alpha=1.2,
      activation_gamma=0.9),
    f("FusedMatMul", noise(2, 4, 3), noise(2, 5, 4), transA=1, transB=1, alpha=0.3),
    f("TransposeMatMul", noise(2, 3, 4), noise(2, 5, 4), transB=1),
    f("Gelu", X),
    f("BiasGelu", X, noise(5)),
    f("FastGelu", X),
    f("FastGelu", X, noise(5)),
    f("QuickGelu", X, alpha=1.5),
    f("SkipLayerNormalization", noise(2, 3, 8), noise(2, 3, 8, seed=1), positive(8), noise(8)),
    f("SkipLayerNormalization", noise(2, 3, 8), noise(2, 3, 8, seed=1), positive(8), noise(8),
      noise(8, seed=2), epsilon=1e-3),
    f("SkipLayerNormalization", noise(2, 3, 8), noise(3, 8, seed=1), positive(8)),
    f("SkipSimplifiedLayerNormalization", noise(2, 3, 8), noise(2, 3, 8, seed=1), positive(8),
      noise(8), epsilon=1e-5),
    f("CDist", noise(3, 4), noise(5, 4, seed=1)),
    f("CDist", noise(3, 4), noise(5, 4, seed=1), metric="euclidean", atol=1e-3),
    f("ExpandDims", X, integer(1, dtype=np.int32).reshape(())),
    f("GatherND", noise(2, 3), integer(1, 2, 0, 1).reshape(2, 2)),
    f("GridSample", IMAGE, unit(2, 3, 4, 2)),
    f("Inverse", noise(2, 3, 3)),
    f("Pad", noise(2, 3), integer(0, 1, 1, 0), noise(1)),
    f("Range", scalar(0.5), scalar(5), scalar(2)),
    f("Trilu", noise(3, 4)),
    f("MatMulIntegerToFloat", quantised(2, 3), quantised(3, 4, seed=1), scalar(0.02),
      scalar(0.03), zero(120), zero(90)),
    f("MatMulIntegerToFloat", quantised(2, 3), quantised(3, 4, seed=1), scalar(0.02),
      positive(4), zero(120), None, noise(4)),
    f("DynamicQuantizeMatMul", noise(2, 3), quantised(3, 4, seed=1), scalar(0.03), zero(90),
      noise(4)),
    f("DequantizeLinear", quantised(2, 3), scalar(0.1), zero(9)),
    *ATTENTION,
    *EMBEDDING,
    *BLOCKS,
    *RECURRENT,
]  # fmt: skip

INTEGER = [
    f("QuantizeLinear", X * 50, scalar(0.7), zero(3)),
    f("QLinearAdd", *_A, *_B, *_Y),
    f("QLinearMul", *_A, *_B, *_Y),
    f("QLinearAveragePool", *_A, *_Y, kernel_shape=[3, 3], pads=[0, 0, 1, 1]),
    f("QLinearGlobalAveragePool", *_A, *_Y, channels_last=0),
    f("QLinearGlobalAveragePool", *_A, *_Y, channels_last=1),
    f("QLinearAveragePool", *_A, *_Y, kernel_shape=[2, 2], channels_last=1),
    f("QLinearConv", quantised(1, 5, 6, 3), scalar(0.02), zero(120),
      quantised(4, 3, 2, 2, dtype=np.int8), positive(4) / 100, np.zeros(4, np.int8), *_Y,
      integer(3, -4, 5, 60, dtype=np.int32), channels_last=1, strides=[2, 1]),
    f("QLinearConv", quantised(1, 3, 5, 6), scalar(0.02), zero(120),
      quantised(4, 3, 2, 2, dtype=np.int8), positive(4) / 100, np.zeros(4, np.int8), *_Y),
    f("QLinearLeakyRelu", *_A, *_Y, alpha=0.2),
    f("QLinearSigmoid", *_A, scalar(0.004), zero(0)),
    f("QLinearSoftmax", quantised(2, 6), scalar(0.02), zero(120), scalar(1 / 256), zero(0),
      axis=-1, opset=13),
    f("QLinearSoftmax", quantised(2, 3, 6), scalar(0.02), zero(120), scalar(1 / 256), zero(0),
      axis=1, opset=11),
    f("QLinearWhere", noise(2, 3, 4, 4) > 0, *_A, *_B, *_Y),
    f("NhwcMaxPool", quantised(2, 6, 7, 3), kernel_shape=[3, 3], strides=[2, 2],
      pads=[1, 1, 1, 1]),
    f("QLinearConcat", *_Y, *_A, *_B, axis=1),
    f("QGemm", quantised(2, 3), scalar(0.02), zero(120), quantised(4, 3, dtype=np.int8),
      positive(4), np.zeros(4, np.int8), integer(3, -4, 5, 60, dtype=np.int32), *_Y, transB=1),
]  # fmt: skip
