"""Attention, written out, gives what its definition gives in float64; masks and orders stay."""

import numpy as np
import pytest
import torch

from onnxplain.convert import to_torch
from onnxplain.graph.expand import expand
from tests.graph.written import graph

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 6))
WEIGHT = RNG.normal(size=(6, 24)).astype(np.float32)
BIAS = RNG.normal(size=24).astype(np.float32)
FUSED = "y = com.microsoft.{kind}<num_heads = 2{more}>({operands})"


def defined(q, k, v, scale=None):
    """Softmax(scale q k^T) v of operands of shape (N, H, L, D)."""
    products = q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    exponents = np.exp(products - products.max(-1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True) @ v


def by_heads(q, k, v, heads, scale=None):
    """Attend in each head of (N, L, H * D) alone."""
    parts = zip(*(np.split(t[:, None], heads, axis=-1) for t in (q, k, v)), strict=True)
    return np.concatenate([defined(*part, scale) for part in parts], axis=-1)[:, 0]


def computed(made, **feeds):
    """Run the graph written out, in float64."""
    result = expand(made)
    assert result is not made
    assert "Softmax" in {n.op_type for n in result.nodes}
    assert not {"Attention", "MultiHeadAttention"} & {n.op_type for n in result.nodes}
    tensors = {n: torch.from_numpy(a) for n, a in feeds.items()}
    return to_torch(result, double=True).run(tensors, ["y"])["y"].numpy()


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize(("more", "scale"), [("", None), (", scale = 0.25", 0.25)])
@pytest.mark.parametrize("widths", [(8, 8, 8), (6, 6, 12)])
def test_one_matrix_projects_to_query_key_and_value(biased, more, scale, widths):
    if widths != (8, 8, 8):
        more += f", qkv_hidden_sizes = [{', '.join(map(str, widths))}]"
    operands = "x, w, b" if biased else "x, w"
    made = graph(
        FUSED.format(kind="Attention", more=more, operands=operands), "float[2,3,6] x",
        w=WEIGHT, b=BIAS,
    )  # fmt: skip
    projected = X @ WEIGHT.astype(float) + (BIAS.astype(float) if biased else 0)
    q, k, v = np.split(projected, np.cumsum(widths)[:2], axis=-1)
    close(computed(made, x=X), by_heads(q, k, v, 2, scale))


@pytest.mark.parametrize("biased", [True, False])
def test_separate_query_key_and_value(biased):
    operands = "q, k, v, b" if biased else "q, k, v"
    made = graph(
        FUSED.format(kind="MultiHeadAttention", more="", operands=operands),
        "float[2,3,8] q, float[2,5,8] k, float[2,5,8] v", b=BIAS,
    )  # fmt: skip
    q, k, v = (RNG.normal(size=(2, n, 8)) for n in (3, 5, 5))
    shifts = np.split(BIAS.astype(float), 3) if biased else [0, 0, 0]
    wanted = by_heads(q + shifts[0], k + shifts[1], v + shifts[2], 2)
    close(computed(made, q=q, k=k, v=v), wanted)


@pytest.mark.parametrize("scale", [None, 0.5])
def test_attention_of_the_standard(scale):
    said = "" if scale is None else f"scale = {scale}"
    apart = graph(
        f"y = Attention<{said}>(q, k, v)" if said else "y = Attention(q, k, v)",
        "float[2,2,3,4] q, float[2,2,5,4] k, float[2,2,5,4] v", opset=23,
    )  # fmt: skip
    q, k, v = (RNG.normal(size=(2, 2, n, 4)) for n in (3, 5, 5))
    close(computed(apart, q=q, k=k, v=v), defined(q, k, v, scale))
    heads = "q_num_heads = 2, kv_num_heads = 2" + (f", {said}" if said else "")
    joined = graph(
        f"y = Attention<{heads}>(q, k, v)",
        "float[2,3,8] q, float[2,5,8] k, float[2,5,8] v", opset=23,
    )  # fmt: skip
    q, k, v = (RNG.normal(size=(2, n, 8)) for n in (3, 5, 5))
    close(computed(joined, q=q, k=k, v=v), by_heads(q, k, v, 2, scale))


@pytest.mark.parametrize(
    "body",
    [
        FUSED.format(kind="Attention", more="", operands="x, w, b, mask"),
        FUSED.format(kind="Attention", more=", unidirectional = 1", operands="x, w, b"),
        FUSED.format(kind="Attention", more="", operands="x, x, b"),
        FUSED.format(kind="Attention", more="", operands="x, w, b").replace("y =", "y, z ="),
        FUSED.format(kind="MultiHeadAttention", more="", operands="x, x, x, , mask"),
        FUSED.format(kind="MultiHeadAttention", more=", unidirectional = 1", operands="x, x, x"),
        FUSED.format(kind="MultiHeadAttention", more="", operands="x, , , b"),
        FUSED.format(kind="MultiHeadAttention", more="", operands="x, x, x, odd"),
        FUSED.format(kind="MultiHeadAttention", more="", operands="x, x, x, x"),
        "y = Attention(x, x, x, mask)",
        "y, z = Attention(x, x, x)",
        "y = Attention<is_causal = 1>(x, x, x)",
        "y = Attention<softcap = 2.0>(x, x, x)",
        "y = Attention<softmax_precision = 1>(x, x, x)",
        "y = Attention<left_window_size = 0>(x, x, x)",
        "y = Attention<q_num_heads = 2, kv_num_heads = 1>(x, x, x)",
    ],
)
def test_masks_caches_orders_and_computed_weights_stay(body):
    made = graph(
        body, "float[2,3,6] x, float mask", opset=23, w=WEIGHT, b=BIAS, odd=np.ones(7, np.float32)
    )
    assert expand(made) is made
