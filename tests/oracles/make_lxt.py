"""Store what LXT's functions say about the two-block transformer of the tests.

LXT pulls in libraries of language models, so its numbers are stored::

    pip install --no-deps lxt==2.1
    PYTHONPATH=.:tests python tests/oracles/make_lxt.py

The network is written with LXT's functions in the place of PyTorch's; its "gradient" is then
relevance. ``attn`` is AttnLRP; in ``cp`` (Ali et al. 2022) the attention weights are constants.
"""

import json
from importlib.metadata import version
from pathlib import Path

import nets
import torch
from lxt.explicit import functional as lf
from lxt.explicit.rules import identity
from originals import pair
from torch import Tensor, nn

FILE = Path(__file__).with_name("lxt.json")
TARGET = 3
PATCH = 8
# LXT adds its stabilizer to negative denominators too, ours moves them away from zero: so small
# that neither matters. Its layer normalisation has one of 1e-6 that cannot be set.
STABILIZER = 1e-12


class WeighValues(torch.autograd.Function):
    """Attention weights times values, all relevance to the values by the epsilon rule."""

    @staticmethod
    def forward(ctx, weights, values):
        result = weights @ values
        ctx.save_for_backward(weights, values, result)
        return result

    @staticmethod
    def backward(ctx, *relevance):
        weights, values, result = ctx.saved_tensors
        return None, values * (weights.transpose(-1, -2) @ (relevance[0] / (result + STABILIZER)))


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    return lf.linear_epsilon(x, layer.weight, layer.bias, STABILIZER)


def add(a: Tensor, b: Tensor) -> Tensor:
    return lf.add2(a, b, epsilon=STABILIZER)


def product(a: Tensor, b: Tensor) -> Tensor:
    return lf.matmul(a, b, epsilon=STABILIZER)


def norm(layer: nn.LayerNorm, x: Tensor) -> Tensor:
    return lf.layer_norm(x, layer.weight, layer.bias, layer.eps)


def block(net: nn.Module, x: Tensor, form: str) -> Tensor:
    n, tokens, width = x.shape
    qkv = linear(net.qkv, norm(net.norm1, x)).reshape(n, tokens, 3, 2, width // 2)
    q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    scores = lf.mul2(product(q, k.transpose(-2, -1)), (width // 2) ** -0.5)
    weights = lf.softmax(scores, -1)
    mixed = product(weights, v) if form == "attn" else WeighValues.apply(weights.detach(), v)
    x = add(x, linear(net.out, mixed.transpose(1, 2).reshape(n, tokens, width)))
    first, activation, second = net.mlp
    hidden = identity(activation, linear(first, norm(net.norm2, x)))
    return add(x, linear(second, hidden))


def relevance(net: nn.Module, image: Tensor, form: str) -> Tensor:
    image = image.clone().requires_grad_()
    width = net.patches.out_channels
    patches = nn.functional.unfold(image, PATCH, stride=PATCH).transpose(1, 2)
    x = lf.linear_epsilon(
        patches, net.patches.weight.reshape(width, -1), net.patches.bias, STABILIZER
    )
    x = torch.cat([net.token.expand(len(x), -1, -1), x], 1)
    x = add(x, net.position)
    for layer in net.blocks:
        x = block(layer, x, form)
    scores = linear(net.head, norm(net.norm, x)[:, 0])
    seed = torch.zeros_like(scores)
    seed[:, TARGET] = scores[:, TARGET].detach()
    return torch.autograd.grad(scores, image, seed)[0][0]


def main() -> None:
    made = pair("vit")
    net = made.net.requires_grad_(False)
    image = torch.from_numpy(nets.images("vit")).float().double()
    stored = {
        form: [[float(f"{v:.7g}") for v in row] for row in relevance(net, image, form).sum(0)]
        for form in ("attn", "cp")
    }
    FILE.write_text(json.dumps({"lxt": version("lxt"), **stored}) + "\n")


if __name__ == "__main__":
    main()
