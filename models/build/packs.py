"""Build models/wolves-snow.onnx, wolves-vgg.onnx and wolves-wide.onnx: dogs and wolves, drawn.

``wolves-snow`` was trained where wolves are always on snow and dogs on grass, one logit under a
Sigmoid as in the founding report; its first layer has kernels of 7 x 7. ``wolves-vgg`` was trained
on either ground with one to four animals; its form is VGG's: 3 x 3 kernels, max pooling, two fully
connected layers. ``wolves-wide`` was trained on one animal on either ground; its first layer has
kernels of 11 x 11, as AlexNet's, which were kept smooth so that they can be looked at.
"""

import sys

import numpy as np
import onnxruntime as ort
import torch
from packs_drawing import CLASSES, SIZE, packs
from publish import publish
from torch import Tensor, nn
from torch.nn import functional
from training import BATCH, export, train

from onnxplain.inputs.preprocess import Preprocess

TRAINING, TEST = 1600, 400
FIRST_TEST_SEED = 1_000_000
MOST = 4
# Weight of the roughness of kernels in the loss.
SMOOTH = 0.3
PREPROCESS = Preprocess(
    name="packs", layout="NCHW", size=(SIZE, SIZE), resize="stretch", scale=1 / 255,
    mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25),
)  # fmt: skip


def unit(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """Convolution, BatchNorm (the exporter folds it), ReLU."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def sigmoid_network() -> nn.Sequential:
    """Kernels of 7 x 7, two more convolutions, global average pooling, one logit."""
    return nn.Sequential(
        *unit(3, 16, kernel=7, stride=2), nn.MaxPool2d(2), *unit(16, 24), nn.MaxPool2d(2),
        *unit(24, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 1),
    )  # fmt: skip


def vgg_network() -> nn.Sequential:
    """Three blocks of two convolutions, and two fully connected layers."""
    return nn.Sequential(
        *unit(3, 8), *unit(8, 8), nn.MaxPool2d(2), *unit(8, 16), *unit(16, 16),
        nn.MaxPool2d(2), *unit(16, 24), *unit(24, 24), nn.MaxPool2d(2), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(24 * 6 * 6, 32), nn.ReLU(), nn.Linear(32, len(CLASSES)),
    )  # fmt: skip


def wide_network() -> nn.Sequential:
    """Kernels of 11 x 11, two more convolutions, global average pooling, linear."""
    return nn.Sequential(
        *unit(3, 16, kernel=11, stride=4), *unit(16, 32), nn.MaxPool2d(2), *unit(32, 32),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, len(CLASSES)),
    )  # fmt: skip


def roughness(kernels: Tensor) -> Tensor:
    """Squared steps from weight to weight, as a share of the squared weights; mean of all."""
    steps = [kernels.diff(dim=axis).square().sum((1, 2, 3)) for axis in (2, 3)]
    return torch.stack(steps).sum(0).div(kernels.square().sum((1, 2, 3))).mean()


def load(count: int, first_seed: int, *, planted: bool, most: int) -> tuple[Tensor, Tensor]:
    """Inputs and classes."""
    drawn = list(packs(count, first_seed=first_seed, planted=planted, most=most))
    x = PREPROCESS.encode(np.stack([p.image for p in drawn]))
    return torch.from_numpy(x), torch.tensor([p.label for p in drawn])


def accuracy(path: str, x: Tensor, classes: Tensor) -> float:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"image": x.numpy()})
    said = scores.argmax(1) if scores.shape[1] > 1 else scores[:, 0] > 0.5
    return float((said == classes.numpy()).mean())


def train_sigmoid(model: nn.Module, x: Tensor, classes: Tensor, epochs: int) -> nn.Module:
    """Train one logit in place; returned in eval mode, with its Sigmoid."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(BATCH):
            loss = functional.binary_cross_entropy_with_logits(
                model(x[batch])[:, 0], classes[batch].float()
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return nn.Sequential(model, nn.Sigmoid()).eval()


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for stem in sys.argv[1:] or ["wolves-snow", "wolves-vgg", "wolves-wide"]:
        torch.manual_seed(0)
        most = MOST if stem == "wolves-vgg" else 1
        training = load(TRAINING, 0, planted=stem == "wolves-snow", most=most)
        output = "logits"
        if stem == "wolves-snow":
            trained, output = train_sigmoid(sigmoid_network(), *training, epochs=2), "probability"
        elif stem == "wolves-vgg":
            trained = train(vgg_network(), *training, epochs=7, peak_rate=6e-3)
        else:
            network = wide_network()
            first = network[0].weight
            trained = train(
                network, *training, epochs=6, peak_rate=6e-3,
                penalty=lambda first=first: SMOOTH * roughness(first),
            )  # fmt: skip
        model = export(trained, (3, SIZE, SIZE), output)
        path = publish(model, stem, list(CLASSES), PREPROCESS)
        for planted in (True, False):
            test = load(TEST, FIRST_TEST_SEED, planted=planted, most=most)
            where = "wolves on snow, dogs on grass" if planted else "either on either"
            print(f"  {where}: {accuracy(str(path), *test):.4f} of {TEST}", flush=True)


if __name__ == "__main__":
    main()
