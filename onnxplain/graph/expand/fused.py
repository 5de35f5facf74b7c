"""Fused floating-point operators of ONNX Runtime, written out."""

from __future__ import annotations

import math

import numpy as np

from onnxplain.graph.expand.builder import Builder, CannotExpandError, attributes_of

_LAYER_NORMALISATION_SINCE = 17
_CLIP_READS_INPUTS_SINCE = 11
_PARAMETERS = ("alpha", "beta", "gamma")
_ACTIVATION = ("activation", "activation_params", *(f"activation_{p}" for p in _PARAMETERS))
# Activations under their standard name, with those of their parameters that a list may give.
_ACTIVATIONS = {
    **dict.fromkeys(("Relu", "Sigmoid", "Softplus", "Softsign", "Tanh"), ()),
    **dict.fromkeys(("Elu", "LeakyRelu", "ThresholdedRelu"), ("alpha",)),
    "HardSigmoid": ("alpha", "beta"),
    "Selu": ("alpha", "gamma"),
}


def fused_conv(b: Builder) -> None:
    """FusedConv: a convolution, an optional sum, an activation."""
    x, w, bias, z = (b.optional(k) for k in range(4))
    y = b.add("Conv", *([x, w, bias] if bias else [x, w]), **attributes_of(b.node, *_ACTIVATION))
    _activate(b, b.add("Add", y, z) if z else y)


def fused_gemm(b: Builder) -> None:
    """FusedGemm: Gemm, then an activation."""
    inputs = [n for n in b.node.inputs if n]
    _activate(b, b.add("Gemm", *inputs, **attributes_of(b.node, *_ACTIVATION)))


def _activate(b: Builder, y: str) -> None:
    get = b.node.attributes.get
    kind, given = get("activation", ""), list(get("activation_params", []))
    output = b.node.output
    if kind in _ACTIVATIONS:
        named = {p: get(f"activation_{p}") for p in _ACTIVATIONS[kind]}
        listed = zip(_ACTIVATIONS[kind], given, strict=False)
        parameters = {p: v for p, v in {**named, **dict(listed)}.items() if v is not None}
        b.add(kind, y, output=output, **parameters)
    elif kind == "Clip" and len(given) == 2:
        if b.graph.opsets.get("", 0) >= _CLIP_READS_INPUTS_SINCE:
            b.add("Clip", y, b.number(given[0]), b.number(given[1]), output=output)
        else:
            b.add("Clip", y, output=output, min=given[0], max=given[1])
    elif not kind:
        b.add("Identity", y, output=output)
    else:
        raise CannotExpandError


def fused_matmul(b: Builder) -> None:
    """FusedMatMul with constant weights on the right; two signals have a rule of their own."""
    get = b.node.attributes.get
    weight = b.read(b.node.inputs[1])
    if get("transA", 0) or get("transBatchA", 0) or get("transBatchB", 0) or weight.ndim < 2:
        raise CannotExpandError
    weight = weight.swapaxes(-1, -2) if get("transB", 0) else weight
    scaled = np.ascontiguousarray(weight * weight.dtype.type(get("alpha", 1.0)))
    b.add("MatMul", b.node.inputs[0], b.constant(scaled), output=b.node.output)


def gelu(b: Builder) -> None:
    """Gelu and BiasGelu: x (1 + erf(x / sqrt 2)) / 2."""
    x = _biased(b)
    inner = b.add("Erf", b.add("Div", x, b.number(math.sqrt(2))))
    gate = b.add("Mul", b.add("Add", inner, b.number(1)), b.number(0.5))
    b.add("Mul", x, gate, output=b.node.output)


def fast_gelu(b: Builder) -> None:
    """FastGelu: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2."""
    x = _biased(b)
    cube = b.add("Mul", b.add("Mul", x, x), x)
    sum_ = b.add("Add", x, b.add("Mul", cube, b.number(0.044715)))
    inner = b.add("Tanh", b.add("Mul", sum_, b.number(math.sqrt(2 / math.pi))))
    gate = b.add("Mul", b.add("Add", inner, b.number(1)), b.number(0.5))
    b.add("Mul", x, gate, output=b.node.output)


def quick_gelu(b: Builder) -> None:
    """QuickGelu: x sigmoid(alpha x)."""
    x = b.node.inputs[0]
    alpha = b.number(b.node.attributes.get("alpha", 1.702))
    b.add("Mul", x, b.add("Sigmoid", b.add("Mul", x, alpha)), output=b.node.output)


def _biased(b: Builder) -> str:
    x, bias = b.node.inputs[0], b.optional(1)
    return b.add("Add", x, bias) if bias else x


def skip_layer_normalization(b: Builder) -> None:
    """SkipLayerNormalization: layer normalisation of a sum, which is the fourth output."""
    outputs = (*b.node.outputs, "", "", "")
    if any(outputs[1:3]):
        raise CannotExpandError
    x, skip, gamma, beta, bias = (b.optional(k) for k in range(5))
    total = b.add("Add", b.add("Add", x, bias) if bias else x, skip, output=outputs[3])
    epsilon = b.node.attributes.get("epsilon", 1e-12)
    if b.graph.opsets.get("", 0) >= _LAYER_NORMALISATION_SINCE:
        inputs = [total, gamma, beta] if beta else [total, gamma]
        b.add("LayerNormalization", *inputs, output=b.node.output, epsilon=epsilon)
        return
    centred = b.add("Sub", total, b.add("ReduceMean", total, axes=[-1]))
    power = b.add("ReduceMean", b.add("Mul", centred, centred), axes=[-1])
    deviation = b.add("Sqrt", b.add("Add", power, b.number(epsilon)))
    scaled = b.add("Div", centred, deviation)
    if not beta:
        b.add("Mul", scaled, gamma, output=b.node.output)
    else:
        b.add("Add", b.add("Mul", scaled, gamma), beta, output=b.node.output)
