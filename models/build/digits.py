"""Build models/digits-gap.onnx, digits-softmax.onnx and digits-vit.onnx."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import onnxruntime as ort
import torch
from digits_data import LABELS, Split, load_splits
from digits_networks import SIDE, VisionTransformer, dense_network, gap_network
from publish import gray_preprocess, publish
from torch import Tensor, nn
from training import export, train


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


def build(recipe: Recipe, data: Split) -> nn.Module:
    torch.manual_seed(0)
    model = recipe.network()
    x, classes = to_input(data.images), torch.from_numpy(data.classes)
    train(model, x, classes, epochs=recipe.epochs, peak_rate=recipe.peak_rate)
    return nn.Sequential(*model, nn.Softmax(dim=1)) if recipe.softmax else model


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
        model = export(build(recipe, training), (1, SIDE, SIDE), output)
        path = publish(model, recipe.stem, LABELS, preprocess)
        print(f"test accuracy {accuracy(str(path), test):.4f} of {len(test.classes)}")


if __name__ == "__main__":
    main()
