"""Fused operators, written out, give what their definitions give in float64."""

import math

import numpy as np
import pytest
import torch

from onnxplain.convert import to_torch
from onnxplain.graph.expand import expand
from tests.graph.written import graph

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5))
W = RNG.normal(size=(5, 4)).astype(np.float32)
BIAS = RNG.normal(size=5).astype(np.float32)
# Numbers that formulas and attributes give are rounded to float32, a few in one formula.
LIMIT = 8 * float(np.finfo(np.float32).eps)


def computed(made, outputs=("y",), **feeds):
    """Run the graph written out, in float64."""
    result = expand(made)
    assert result is not made
    assert {n.domain for n in result.nodes} == {""}
    tensors = {n: torch.from_numpy(a) for n, a in feeds.items()}
    found = to_torch(result, double=True).run(tensors, list(outputs))
    return [found[n].numpy() for n in outputs]


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=LIMIT, atol=LIMIT)
    assert np.ptp(wanted) > 0.1


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elu(x, alpha, gamma=1.0):
    return gamma * np.where(x > 0, x, alpha * np.expm1(x))


ACTIVATIONS = {
    "": lambda x: x,
    '"Relu"': lambda x: np.maximum(x, 0),
    '"Sigmoid"': sigmoid,
    '"Softplus"': lambda x: np.log1p(np.exp(x)),
    '"Softsign"': lambda x: x / (1 + np.abs(x)),
    '"Tanh"': np.tanh,
    '"Elu", activation_alpha = 0.5': lambda x: elu(x, 0.5),
    '"LeakyRelu", activation_alpha = 0.3': lambda x: np.where(x > 0, x, 0.3 * x),
    '"ThresholdedRelu", activation_alpha = 0.4': lambda x: np.where(x > 0.4, x, 0),
    '"HardSigmoid", activation_alpha = 0.3, activation_beta = 0.6': lambda x: np.clip(
        0.3 * x + 0.6, 0, 1
    ),
    '"Selu", activation_alpha = 1.5, activation_gamma = 1.2': lambda x: elu(x, 1.5, 1.2),
}


@pytest.mark.parametrize("said", ACTIVATIONS)
def test_a_product_and_its_activation(said):
    more = f", activation = {said}" if said else ""
    body = f"y = com.microsoft.FusedGemm<alpha = 0.5{more}>(x, w, c)"
    made = graph(body, "float[2,5] x", w=W, c=BIAS[:4])
    wanted = ACTIVATIONS[said](0.5 * X @ W.astype(float) + BIAS[:4].astype(float))
    close(computed(made, x=X)[0], wanted)


CONVOLVED = {
    '"LeakyRelu", activation_params = [0.2]': lambda x: np.where(x > 0, x, 0.2 * x),
    '"HardSigmoid", activation_params = [0.3, 0.6]': lambda x: np.clip(0.3 * x + 0.6, 0, 1),
    '"Clip", activation_params = [-0.5, 0.75]': lambda x: np.clip(x, -0.5, 0.75),
}


@pytest.mark.parametrize("said", CONVOLVED)
@pytest.mark.parametrize("opset", [10, 17])
def test_a_convolution_a_sum_and_an_activation(said, opset):
    """Of one pixel each: a product of matrices."""
    x, z = RNG.normal(size=(2, 5, 3, 3)), RNG.normal(size=(2, 4, 3, 3))
    made = graph(
        f"y = com.microsoft.FusedConv<activation = {said}>(x, w, c, z)",
        "float[2,5,3,3] x, float[2,4,3,3] z", opset=opset, w=W.T[:, :, None, None], c=BIAS[:4],
    )  # fmt: skip
    product = np.einsum("nchw,ck->nkhw", x, W.astype(float))
    wanted = CONVOLVED[said](product + BIAS[:4].astype(float)[:, None, None] + z)
    close(computed(made, x=x, z=z)[0], wanted)


@pytest.mark.parametrize("kind", ["FusedMatMul", "TransposeMatMul"])
@pytest.mark.parametrize("turned", [0, 1])
def test_a_scaled_product(kind, turned):
    made = graph(
        f"y = com.microsoft.{kind}<alpha = 0.3, transB = {turned}>(x, w)", "float[2,5] x",
        w=W.T if turned else W,
    )  # fmt: skip
    close(computed(made, x=X)[0], 0.3 * X @ W.astype(float))


GATES = {
    "y = com.microsoft.Gelu(x)": lambda x: x * (1 + np.vectorize(math.erf)(x / 2**0.5)) / 2,
    "y = com.microsoft.FastGelu(x)": lambda x: (
        x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))) / 2
    ),
    "y = com.microsoft.QuickGelu(x)": lambda x: x * sigmoid(1.702 * x),
    "y = com.microsoft.QuickGelu<alpha = 0.7>(x)": lambda x: x * sigmoid(0.7 * x),
}


@pytest.mark.parametrize("body", GATES)
def test_gates(body):
    close(computed(graph(body, "float[2,5] x"), x=X)[0], GATES[body](X))


@pytest.mark.parametrize(("plain", "biased"), [("Gelu", "BiasGelu"), ("FastGelu", "FastGelu")])
def test_the_bias_of_a_gate_comes_first(plain, biased):
    made = graph(f"y = com.microsoft.{biased}(x, c)", "float[2,5] x", c=BIAS)
    wanted = GATES[f"y = com.microsoft.{plain}(x)"](X + BIAS.astype(float))
    close(computed(made, x=X)[0], wanted)


@pytest.mark.parametrize("opset", [13, 17])
@pytest.mark.parametrize("operands", ["x, s, g", "x, s, g, b", "x, s, g, b, c", "x, s, g, , c"])
def test_a_normalised_sum_and_the_sum_under_its_name(opset, operands):
    made = graph(
        f"y, , , total = com.microsoft.SkipLayerNormalization<epsilon = 0.01>({operands})",
        "float[2,5] x, float[2,5] s", "float y, float total", opset=opset,
        g=BIAS + 2, b=BIAS, c=3 * BIAS,
    )  # fmt: skip
    skip, bias = RNG.normal(size=(2, 5)), BIAS.astype(float)
    total = X + skip + (3 * BIAS).astype(float) * operands.endswith("c")
    centred = total - total.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 0.01)
    wanted = scaled * (BIAS + 2).astype(float) + bias * ("b" in operands)
    found, found_total = computed(made, ("y", "total"), x=X, s=skip)
    close(found, wanted)
    close(found_total, total)


@pytest.mark.parametrize(
    "body",
    [
        'y = com.microsoft.FusedGemm<activation = "Unheard">(x, w)',
        'y = com.microsoft.FusedGemm<activation = "Clip">(x, w)',
        'y = com.microsoft.FusedGemm<activation = "Clip", activation_params = [1.0]>(x, w)',
        "y = com.microsoft.FusedMatMul<transA = 1>(x, w)",
        "y = com.microsoft.FusedMatMul<transBatchA = 1>(x, w)",
        "y = com.microsoft.FusedMatMul<transBatchB = 1>(x, w)",
        "y = com.microsoft.FusedMatMul(x, x)",
        "y = com.microsoft.FusedMatMul(x, c)",
        "y, mean = com.microsoft.SkipLayerNormalization(x, x, c)",
    ],
)
def test_other_forms_stay(body):
    made = graph(body, "float[5,5] x", w=W, c=BIAS)
    assert expand(made) is made
