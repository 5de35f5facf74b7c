"""Build models/digits-gap.onnx, digits-softmax.onnx and digits-vit.onnx."""

import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime as ort
import torch
from digits_data import LABELS, Split, load_splits
from digits_networks import SIDE, VisionTransformer, dense_network, gap_network
from publish import gray_preprocess, publish
from torch import Tensor, nn
from torch.nn import functional

OPSET = 17
BATCH = 64


class Recipe(NamedTuple):
    """How one classifier is made; ``softmax`` appends probabilities to the exported graph."""

    stem: str
    network: Callable[[], nn.Module]
    epochs: int
    peak_rate: float
    softmax: bool = False


RECIPES = (
    Recipe("digits-gap", gap_network, epochs=60, peak_rate=8e-3),
    Recipe("digits-softmax", dense_network, epochs=40, peak_rate=4e-3, softmax=True),
    Recipe("digits-vit", VisionTransformer, epochs=60, peak_rate=4e-3),
)


def to_input(images: np.ndarray) -> Tensor:
    """Turn (N, 8, 8) uint8 pictures into (N, 1, 8, 8) float32 in 0..1."""
    return torch.from_numpy(images[:, None].astype(np.float32) / np.float32(255))


def train(recipe: Recipe, data: Split) -> nn.Module:
    torch.manual_seed(0)
    model = recipe.network()
    x, classes = to_input(data.images), torch.from_numpy(data.classes)
    steps = recipe.epochs * -(-len(x) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.peak_rate, steps)
    for _ in range(recipe.epochs):
        for batch in torch.randperm(len(x)).split(BATCH):
            loss = functional.cross_entropy(model(x[batch]), classes[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()
    return nn.Sequential(*model, nn.Softmax(dim=1)) if recipe.softmax else model


def export(model: nn.Module, output: str) -> onnx.ModelProto:
    buffer = io.BytesIO()
    torch.onnx.export(
        model.eval(),
        (torch.zeros(1, 1, SIDE, SIDE),),
        buffer,
        dynamo=False,
        opset_version=OPSET,
        input_names=["image"],
        output_names=[output],
        dynamic_axes={"image": {0: "N"}, output: {0: "N"}},
    )
    return onnx.load_from_string(buffer.getvalue())


def accuracy(path: str, data: Split) -> float:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"image": to_input(data.images).numpy()})
    return float((scores.argmax(1) == data.classes).mean())


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    training, test = load_splits()
    preprocess = gray_preprocess("digits", "NCHW", SIDE)
    for recipe in RECIPES:
        output = "probabilities" if recipe.softmax else "logits"
        model = export(train(recipe, training), output)
        path = publish(model, recipe.stem, LABELS, preprocess)
        print(f"test accuracy {accuracy(str(path), test):.4f} of {len(test.classes)}")


if __name__ == "__main__":
    main()
