"""Maps of attention that are not in onnxplain, measured: ``python -m benchmarks.attention_maps``.

Slow transcriptions of Grad-ECLIP (Zhao et al., arXiv:2502.18816), TokenTM (Wu et al.,
arXiv:2403.14552) and LeGrad (Bousselham et al., arXiv:2404.03214) on the class token of
``digits-vit``, in PyTorch and float64 with the weights of the file, beside methods that are here
and control maps. TokenTM is measured in eight readings: tokens before or after the normalisation
of their block; values before or after the output's weights; with the perceptron's part or without.

``--write`` puts the table into docs/evaluation.md.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor
from torch.nn import functional

import onnxplain
from benchmarks.evaluation import ROOT, SEED, digits
from benchmarks.page import put
from models.build.digits_networks import TransformerBlock, VisionTransformer
from onnxplain.adapters.base import Capability
from onnxplain.evaluate.cases import Plan
from onnxplain.evaluate.run import evaluate
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.registry import method

PAGE = ROOT / "docs/evaluation.md"
PICTURES = 300
HERE = ("attn-lrp", "libragrad", "gradient-x-input", "attention-rollout",
        "gradient-attention-rollout")  # fmt: skip
MEASURES = ("deletion", "single-deletion")
LINEAR = ("query_key_value", "attention_out", "widen", "narrow")


class Block:
    """What one block of the network computes for one picture, kept for its gradients."""

    def __init__(self, block: TransformerBlock, tokens: Tensor) -> None:
        self.block, self.before = block, tokens
        self.normalised = block.attention_norm(tokens)
        count, width = tokens.shape[1:]
        parts = block.query_key_value(self.normalised).reshape(1, count, 3, width).unbind(2)
        self.query, self.key, self.value = parts
        query, key, value = (
            p.reshape(1, count, block.heads, -1).transpose(1, 2) for p in parts
        )  # fmt: skip
        self.attention = (query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5).softmax(-1)
        self.mixed = (self.attention @ value).transpose(1, 2).reshape(1, count, width)
        self.between = tokens + block.attention_out(self.mixed)
        self.widened = block.perceptron_norm(self.between)
        self.added = block.narrow(functional.gelu(block.widen(self.widened)))
        self.after = self.between + self.added


def network() -> VisionTransformer:
    """The source network of digits-vit with the file's weights, in float64."""
    graph = onnx.load(ROOT / "models/digits-vit.onnx").graph
    held = {t.name: torch.tensor(numpy_helper.to_array(t)).double() for t in graph.initializer}
    products = [n.input[1] for n in graph.node if n.op_type == "MatMul" and n.input[1] in held]
    made = VisionTransformer().double().eval()
    state = {name: held.get(name, value) for name, value in made.state_dict().items()}
    for k, name in enumerate(products):
        state[f"blocks.{k // 4}.{LINEAR[k % 4]}.weight"] = held[name].T
    made.load_state_dict(state)
    return made


def run(net: VisionTransformer, x: Tensor) -> list[Block]:
    """All blocks of one picture."""
    patches = net.patches(x).flatten(2).transpose(1, 2)
    tokens = torch.cat([net.class_token, patches], dim=1) + net.position
    blocks = []
    for block in net.blocks:
        blocks.append(Block(block, tokens))
        tokens = blocks[-1].after
    return blocks


def score(net: VisionTransformer, tokens: Tensor, index: int) -> Tensor:
    """What the model's head says of the class token after a block."""
    return net.classify(net.norm(tokens)[:, 0])[0, index]


def slopes(value: Tensor, by: Tensor) -> Tensor:
    """Derivative, the graph kept."""
    return torch.autograd.grad(value, by, retain_graph=True)[0]


def grad_eclip(net: VisionTransformer, x: Tensor, index: int, *, loosened: bool = True) -> Tensor:
    """max(sum over channels of dS/do_class * v_patch, 0), by the likeness of query and key."""
    last = run(net, x)[-1]
    terms = slopes(score(net, last.after, index), last.mixed)[0, :1] * last.value[0, 1:]
    if loosened:
        like = functional.cosine_similarity(last.query[0, :1], last.key[0, 1:], dim=-1)
        terms = terms * ((like - like.min()) / (like.max() - like.min()))[:, None]
    return terms.sum(-1).relu()


def legrad(net: VisionTransformer, x: Tensor, index: int, *, blocks: int) -> Tensor:
    """Mean over blocks, heads and queries of max(dS_l/dA_l, 0); S_l is read after block l."""
    found = [
        slopes(score(net, b.after, index), b.attention).relu().mean((0, 1, 2))[1:]
        for b in run(net, x)[-blocks:]
    ]
    return torch.stack(found).mean(0)


def tokentm(
    net: VisionTransformer, x: Tensor, index: int, *, norm: bool, out: bool, perceptron: bool
) -> Tensor:
    """C = (I + mean of max(dS/dA * A, 0) W) C, from the tokens' lengths on; then (I + W') C."""
    blocks = run(net, x)
    value = score(net, blocks[-1].after, index)
    joint = torch.diag(blocks[0].before[0].norm(dim=-1))
    for b in blocks:
        raising = (slopes(value, b.attention) * b.attention).relu().mean(1)[0]
        turned = b.value @ b.block.attention_out.weight.T if out else b.value
        weight = transformed((b.normalised if norm else b.before)[0], turned[0])
        joint = joint + raising @ torch.diag(weight) @ joint
        if perceptron:
            weight = transformed((b.widened if norm else b.between)[0], b.added[0])
            joint = joint + torch.diag(weight) @ joint
    return joint[0, 1:]


def transformed(before: Tensor, after: Tensor) -> Tensor:
    """Ratio of the lengths, by the exponential cosine over its mean."""
    likeness = functional.cosine_similarity(before, after, dim=-1).exp()
    return after.norm(dim=-1) / before.norm(dim=-1) * likeness / likeness.mean()


def candidates() -> dict[str, Callable[[VisionTransformer, Tensor, int], Tensor]]:
    """Name of each map, and its transcription."""
    found: dict[str, Callable[[VisionTransformer, Tensor, int], Tensor]] = {
        "Grad-ECLIP": grad_eclip,
        "Grad-ECLIP, without attention": partial(grad_eclip, loosened=False),
        "LeGrad, last block": partial(legrad, blocks=1),
        "LeGrad, last two blocks": partial(legrad, blocks=2),
    }
    for norm, out, perceptron in itertools.product((True, False), repeat=3):
        words = ("normalised" if norm else "unnormalised", "output" if out else "values",
                 "perceptron" if perceptron else "attention alone")  # fmt: skip
        found[f"TokenTM: {', '.join(words)}"] = partial(
            tokentm, norm=norm, out=out, perceptron=perceptron
        )
    return found


def register(name: str, net: VisionTransformer, transcription: Callable[..., Tensor]) -> None:
    """Make a transcription a method for as long as this program runs."""

    def explain(context: Any, x: NDArray[Any], target: Any) -> Attribution:
        found = [
            transcription(net, torch.from_numpy(one[None]).double(), target.index) for one in x
        ]
        return Attribution(torch.stack(found).detach().numpy().reshape(-1, 4, 4), ("H", "W"))

    method(
        name=name, family="relevance", needs=Capability.GRADIENTS, explains="logit",
        display="positive", shows="a transcription", ends=("none", "much"), summary=f"{name}.",
        reference="a transcription", meaning="no unit", class_discriminative=True,
        promises="", failures="a transcription for digits-vit alone",
    )(explain)  # fmt: skip


def table(count: int) -> str:
    """Rows of all maps and controls, best deletion first, with 95 % intervals."""
    net, made = network(), candidates()
    for name, transcription in made.items():
        register(name, net, transcription)
    model = onnxplain.load(ROOT / "models/digits-vit.onnx", device="cpu")
    plan = Plan({name: {} for name in (*HERE, *made)}, MEASURES, controls=True, seed=SEED)
    with digits(count) as samples:
        found = evaluate(model, samples, plan)
    rows: dict[str, dict[str, Any]] = {}
    for line in found.summary():
        label = f"*{line.method}*" if line.control else line.method
        rows.setdefault(label, {})[line.measure] = line
    lines = [f"| map, {count} test digits | {' | '.join(MEASURES)} |", "|---" * 3 + "|"]
    for label, by in sorted(rows.items(), key=lambda row: row[1][MEASURES[0]].mean):
        cells = (f"{by[m].mean:.3f} ({by[m].low:.3f} .. {by[m].high:.3f})" for m in MEASURES)
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    found = table(options.pictures)
    if options.write:
        put("attention-maps", found, PAGE)
    print(found)


if __name__ == "__main__":
    main()
