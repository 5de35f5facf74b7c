"""Forms of the layers of a network: products, convolution, pooling, normalisation."""

from __future__ import annotations

import numpy as np

from tests.convert.forms import IMAGE, X, f, integer, noise, positive, scalar

_KERNEL = noise(4, 3, 3, 2, seed=3)
_TRANSPOSED = noise(3, 4, 3, 3, seed=3)
_BIAS = noise(4, seed=4)
_GAMMA, _BETA = positive(3, seed=5), noise(3, seed=6)
_MEAN, _VAR = noise(3, seed=7), positive(3, seed=8)
_BOX = {"kernel_shape": [3, 2]}

LINEAR = [
    f("Gemm", noise(2, 3), noise(3, 4), noise(4)),
    f("Gemm", noise(3, 2), noise(4, 3), noise(1, 4), transA=1, transB=1, alpha=0.5, beta=2.0),
    f("Gemm", noise(2, 3), noise(3, 4), since=11),
    f("MatMul", noise(2, 3, 4), noise(4, 5)),
    f("MatMul", noise(4), noise(2, 4, 5)),
    f("Einsum", noise(2, 3, 4), noise(4, 5), equation="bij,jk->bki"),
]

CONVOLUTIONS = [
    f("Conv", IMAGE, _KERNEL, _BIAS),
    f("Conv", IMAGE, _KERNEL, pads=[1, 0, 2, 1], strides=[2, 1], dilations=[1, 2]),
    f("Conv", IMAGE, _KERNEL, _BIAS, auto_pad="SAME_UPPER", strides=[2, 2]),
    f("Conv", IMAGE, _KERNEL, _BIAS, auto_pad="SAME_LOWER", strides=[2, 2]),
    f("Conv", IMAGE, _KERNEL, auto_pad="VALID"),
    f("Conv", IMAGE, noise(3, 1, 3, 3), group=3, pads=[1, 1, 1, 1]),
    f("Conv", noise(1, 2, 6), noise(3, 2, 3), pads=[1, 2]),
    f("Conv", noise(1, 2, 4, 5, 4), noise(3, 2, 3, 2, 2), pads=[1, 0, 1, 0, 1, 1]),
    f("ConvTranspose", IMAGE, _TRANSPOSED, _BIAS),
    f("ConvTranspose", IMAGE, _TRANSPOSED, _BIAS, strides=[2, 2], pads=[1, 0, 0, 1]),
    f("ConvTranspose", IMAGE, _TRANSPOSED, _BIAS, strides=[2, 2], output_padding=[1, 1]),
    f("ConvTranspose", IMAGE, _TRANSPOSED, strides=[2, 2], output_shape=[14, 13]),
    f("ConvTranspose", IMAGE, _TRANSPOSED, strides=[2, 2], auto_pad="SAME_UPPER"),
    f("ConvTranspose", IMAGE, _TRANSPOSED, strides=[2, 2], auto_pad="SAME_LOWER"),
    f("ConvTranspose", noise(1, 4, 5), noise(4, 2, 3), group=2, dilations=[2]),
    f("DeformConv", IMAGE, _KERNEL, noise(2, 12, 5, 5, seed=9), _BIAS),
    f(
        "DeformConv", noise(1, 4, 5, 5), noise(4, 2, 2, 2), noise(1, 16, 6, 6, seed=9),
        noise(4), positive(1, 8, 6, 6), group=2, offset_group=2, pads=[1, 1, 1, 1],
    ),
]  # fmt: skip

_WHERE = np.array([5, 7, 13, 16, 22, 25, 28, 31]).reshape(1, 2, 2, 2)
POOLS = [
    f("MaxUnpool", noise(1, 2, 2, 2), _WHERE, kernel_shape=[2, 2], strides=[2, 2]),
    f(
        "MaxUnpool",
        noise(1, 2, 2, 2),
        _WHERE,
        integer(1, 2, 5, 4),
        kernel_shape=[2, 2],
        strides=[2, 2],
    ),
    f("MaxPool", IMAGE, **_BOX),
    f("MaxPool", IMAGE, **_BOX, pads=[1, 0, 1, 1], strides=[2, 2]),
    f("MaxPool", -np.abs(IMAGE), **_BOX, pads=[1, 1, 1, 1]),
    f("MaxPool", IMAGE, **_BOX, auto_pad="SAME_UPPER", strides=[2, 2]),
    f("MaxPool", IMAGE, **_BOX, strides=[2, 2], ceil_mode=1, since=10),
    f("MaxPool", IMAGE, **_BOX, dilations=[2, 2], since=10),
    f("MaxPool", IMAGE, **_BOX, strides=[2, 2], since=8, outputs=2),
    f("MaxPool", IMAGE, **_BOX, pads=[1, 0, 1, 1], since=8, outputs=2),
    f("MaxPool", IMAGE, **_BOX, pads=[1, 1, 1, 1], storage_order=1, since=8, outputs=2),
    f("MaxPool", noise(1, 2, 6), kernel_shape=[2]),
    f("AveragePool", IMAGE, **_BOX),
    f("AveragePool", IMAGE, **_BOX, pads=[1, 0, 1, 1], strides=[2, 2]),
    f("AveragePool", IMAGE, **_BOX, pads=[1, 1, 1, 1], count_include_pad=1),
    f("AveragePool", IMAGE, **_BOX, pads=[1, 0, 2, 1], count_include_pad=1),
    f("AveragePool", IMAGE, **_BOX, auto_pad="SAME_LOWER", strides=[2, 2]),
    f("AveragePool", IMAGE, **_BOX, pads=[1, 1, 1, 1], strides=[2, 2], ceil_mode=1, since=10),
    f("AveragePool", IMAGE, **_BOX, dilations=[2, 2], pads=[1, 1, 1, 1], since=19),
    f("AveragePool", noise(1, 2, 4, 5, 4), kernel_shape=[2, 2, 2], pads=[0, 1, 0, 1, 0, 1]),
    f("LpPool", IMAGE, **_BOX, p=3, pads=[1, 0, 1, 1], strides=[2, 2]),
    *(f(op, IMAGE) for op in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")),
    f("GlobalLpPool", IMAGE, p=3),
]

NORMALIZATIONS = [
    f("BatchNormalization", IMAGE, _GAMMA, _BETA, _MEAN, _VAR, epsilon=1e-3),
    f("BatchNormalization", noise(4, 3), _GAMMA, _BETA, _MEAN, _VAR),
    f("InstanceNormalization", IMAGE, _GAMMA, _BETA, epsilon=1e-3),
    f("GroupNormalization", noise(2, 6, 3, 3), positive(3), noise(3), num_groups=3, until=18),
    f("GroupNormalization", noise(2, 6, 3, 3), positive(6), noise(6), num_groups=3, since=21),
    f("LayerNormalization", X, positive(5), noise(5), since=17),
    f("LayerNormalization", X, positive(4, 5), axis=2, epsilon=1e-3, since=17),
    f("LayerNormalization", X, positive(5), noise(5), since=17, outputs=3),
    f("LayerNormalization", X, positive(5), noise(5), until=16),
    f("RMSNormalization", X, positive(4, 5), axis=2),
    f("SimplifiedLayerNormalization", X, positive(5)),
    f("LpNormalization", X),
    f("LpNormalization", X, axis=1, p=1),
    f("MeanVarianceNormalization", X),
    f("MeanVarianceNormalization", X, axes=[1, 2]),
    f("LRN", noise(2, 6, 3, 3), size=3, alpha=0.5, beta=0.6, bias=1.5),
]

QUANTISED = [
    f("DequantizeLinear", integer(0, 3, 250, dtype=np.uint8), scalar(0.1),
      integer(5, dtype=np.uint8).reshape(())),
    f("DequantizeLinear", integer(-3, 3, dtype=np.int8), scalar(0.1)),
    f("DequantizeLinear", np.arange(12, dtype=np.uint8).reshape(2, 3, 2), positive(3),
      integer(1, 2, 3, dtype=np.uint8), axis=1, since=13),
    f("DequantizeLinear", np.arange(12, dtype=np.uint8).reshape(2, 6), positive(2, 3),
      axis=1, block_size=2, since=21),
    f("DynamicQuantizeLinear", X, outputs=3),
    f("QuantizeLinear", X * 100, scalar(0.7), integer(100, dtype=np.uint8).reshape(())),
    f("QuantizeLinear", X * 100, scalar(0.7), integer(-5, dtype=np.int8).reshape(())),
    f("QuantizeLinear", X * 100, positive(3), integer(3, 4, 5, dtype=np.int8), axis=1, since=13),
    f("QuantizeLinear", noise(2, 6), positive(2, 3), axis=1, block_size=2, since=21),
    f("QuantizeLinear", np.array([0.5, 1.5, 2.5, -0.5], np.float32), scalar(1)),
    # The standard's own evaluator, which judges the newest versions, casts infinity to 0.
    f("QuantizeLinear", np.array([np.inf, -np.inf], np.float32), scalar(1), until=25),
    f("ConvInteger", np.arange(18, dtype=np.uint8).reshape(1, 2, 3, 3),
      np.arange(16, dtype=np.uint8).reshape(2, 2, 2, 2), integer(4, dtype=np.uint8).reshape(()),
      integer(7, dtype=np.uint8).reshape(()), pads=[1, 0, 1, 0]),
    f("MatMulInteger", np.arange(6, dtype=np.uint8).reshape(2, 3),
      np.arange(12, dtype=np.int8).reshape(3, 4), integer(4, dtype=np.uint8).reshape(()),
      integer(2, dtype=np.int8).reshape(())),
    f("QLinearConv", np.arange(18, dtype=np.uint8).reshape(1, 2, 3, 3), scalar(0.1),
      integer(9, dtype=np.uint8).reshape(()), np.arange(-8, 8, dtype=np.int8).reshape(2, 2, 2, 2),
      positive(2), integer(0, 0, dtype=np.int8), scalar(0.3),
      integer(99, dtype=np.uint8).reshape(()), integer(10, -10, dtype=np.int32),
      constants=(3, 4, 5)),
    f("QLinearMatMul", np.arange(6, dtype=np.uint8).reshape(2, 3), scalar(0.1),
      integer(3, dtype=np.uint8).reshape(()), np.arange(-6, 6, dtype=np.int8).reshape(3, 4),
      scalar(0.2), integer(1, dtype=np.int8).reshape(()), scalar(0.05),
      integer(60, dtype=np.uint8).reshape(())),
]  # fmt: skip
