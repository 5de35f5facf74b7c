"""Build models/flowers-gap.onnx and flowers-fc.onnx: which part of a flower has which colour."""

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
import torch
from publish import publish
from torch import Tensor, nn
from training import export, train

from onnxplain.evaluate.flowers import SIZE, VARIANTS, flowers
from onnxplain.inputs.preprocess import Preprocess

VARIANT = "double12"
CLASSES = len(VARIANTS[VARIANT])
TRAINING, TEST = 3600, 600
# Seeds of the test pictures start far behind those of the training pictures.
FIRST_TEST_SEED = 1_000_000
EPOCHS, PEAK_RATE = 12, 6e-3
PREPROCESS = Preprocess(
    name="flowers",
    layout="NCHW",
    size=(SIZE, SIZE),
    resize="stretch",
    scale=1 / 255,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
)


def unit(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """Convolution, BatchNorm (the exporter folds it), ReLU."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def trunk() -> list[nn.Module]:
    """Strided convolution, then two stages with max pooling: 48 maps of 16 x 16."""
    return [
        *unit(3, 12, kernel=5, stride=2),
        nn.MaxPool2d(2),
        *unit(12, 24),
        nn.MaxPool2d(2),
        *unit(24, 48),
    ]


def gap_network() -> nn.Sequential:
    """Four convolutions, global average pooling, linear: the head that plain CAM needs."""
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, CLASSES)]
    return nn.Sequential(*trunk(), *unit(48, 48), *head)


def dense_network() -> nn.Sequential:
    """Four convolutions and two fully connected layers."""
    head = [nn.Flatten(), nn.Linear(24 * 8 * 8, 64), nn.ReLU(), nn.Linear(64, CLASSES)]
    return nn.Sequential(*trunk(), *unit(48, 24), nn.MaxPool2d(2), *head)


def load(count: int, first_seed: int) -> tuple[Tensor, Tensor]:
    """Inputs and classes of flowers with decoys."""
    drawn = list(flowers(VARIANT, count, first_seed=first_seed, decoys=True))
    x = PREPROCESS.encode(np.stack([f.image for f in drawn]))
    return torch.from_numpy(x), torch.tensor([f.label for f in drawn])


def accuracy(path: str, x: Tensor, classes: Tensor) -> float:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"image": x.numpy()})
    return float((scores.argmax(1) == classes.numpy()).mean())


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    training, test = load(TRAINING, 0), load(TEST, FIRST_TEST_SEED)
    networks: dict[str, Callable[[], nn.Module]] = {
        "flowers-gap": gap_network,
        "flowers-fc": dense_network,
    }
    for stem, network in networks.items():
        torch.manual_seed(0)
        trained = train(network(), *training, epochs=EPOCHS, peak_rate=PEAK_RATE)
        model = export(trained, (3, SIZE, SIZE), "logits")
        path = publish(model, stem, list(VARIANTS[VARIANT]), PREPROCESS)
        print(f"test accuracy {accuracy(str(path), *test):.4f} of {TEST}", flush=True)


if __name__ == "__main__":
    main()
