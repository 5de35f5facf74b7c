"""LeGrad: autograd on the source network block by block, identities, refusals."""

import functools

import nets
import numpy as np
import onnx
import pytest
import torch
from handmade import PyTorchOnly, context_of, target_of
from originals import difference, pair

import onnxplain
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.methods import find

TARGET = 3


@functools.cache
def transcribed(blocks):
    """Slopes of the score of the class token after each block, by autograd in float64."""
    made = pair("vit")
    net, total = made.net, np.zeros((4, 4))
    for depth in range(2 - blocks, 2):
        kept, softmax = [], torch.Tensor.softmax

        def remembering(self, *a, softmax=softmax, kept=kept, **k):
            kept.append(softmax(self, *a, **k))
            return kept[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.Tensor, "softmax", remembering)
            x = net.patches(torch.from_numpy(made.x).double()).flatten(2).transpose(1, 2)
            x = torch.cat([net.token.expand(1, -1, -1), x], 1) + net.position
            score = net.head(net.norm(net.blocks[: depth + 1](x))[:, 0])[0, TARGET]
        slopes = torch.autograd.grad(score, kept[depth])[0][0].numpy()
        heads, queries, _ = slopes.shape
        for h in range(heads):
            for q in range(queries):
                total += np.maximum(slopes[h, q, 1:], 0).reshape(4, 4) / heads / queries / blocks
    return total


@pytest.mark.parametrize("blocks", [1, 2])
def test_transcription(blocks):
    made = pair("vit")
    found = made.double.explain(made.x, "legrad", TARGET, kind="logit", blocks=blocks)
    assert difference(found.attribution, transcribed(blocks)) < 1e-6
    assert len(found.notes["attention_layers"]) == blocks
    assert difference(found.attribution, transcribed(3 - blocks)) > 1e-2
    other = made.double.explain(made.x, "legrad", 2, kind="logit", blocks=blocks)
    assert difference(other.attribution, transcribed(blocks)) > 1e-2


@pytest.mark.parametrize(("opset", "dynamo"), [(13, False), (17, False), (18, True)])
def test_every_exporter_gives_the_same_map(opset, dynamo, tmp_path):
    made = pair("vit")
    image = torch.from_numpy(made.x)
    if dynamo:
        path = tmp_path / "vit.onnx"
        torch.onnx.export(
            nets.network("vit"), (image,), path, dynamo=True, opset_version=opset, verbose=False
        )
        proto = onnx.load(path)
    else:
        proto = nets.export(nets.network("vit"), image, opset=opset, dynamic=False, folded=True)
    opened = onnxplain.load(proto, preprocess="minus-one-one")
    found = opened.explain(made.x, "legrad", TARGET, kind="logit", blocks=2).attribution
    assert difference(found, transcribed(2)) < 1e-4


def test_one_block_is_the_derivative_of_the_score_itself():
    on = context_of(nets.exported("vit").proto, PyTorchOnly)
    x, target = nets.images("vit", 2), target_of(on, TARGET)
    found = find("legrad").function(on, x, target, blocks=1)
    name = found.notes["attention_layers"][0]
    slopes = on.gradients(x, target, [name]).gradients[name]
    expected = np.maximum(slopes, 0).mean(axis=(1, 2))[:, 1:].reshape(2, 4, 4)
    assert difference(found.values, expected) < 1e-12


def test_the_shipped_transformer():
    opened = onnxplain.load("models/digits-vit.onnx")
    found = opened.explain("examples/digits/3-10.png", "legrad")
    assert found.attribution.min() >= 0
    assert np.ptp(found.attribution) > 0


@pytest.mark.parametrize("blocks", [0, 3, -1])
def test_blocks_that_are_not_there_are_refused(blocks):
    made = pair("vit")
    with pytest.raises(UsageError, match=f"blocks must be 1 to 2, not {blocks}"):
        made.single.explain(made.x, "legrad", TARGET, blocks=blocks)


def test_networks_without_attention_are_refused():
    made = pair("resnet")
    with pytest.raises(MethodRefusedError, match="this model has none"):
        made.single.explain(made.x, "legrad")
