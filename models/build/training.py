"""What the small PyTorch classifiers have in common: training and export."""

import io
from collections.abc import Callable

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

OPSET = 17
BATCH = 64


def train(
    model: nn.Module,
    x: Tensor,
    classes: Tensor,
    *,
    epochs: int,
    peak_rate: float,
    penalty: Callable[[], Tensor] = lambda: torch.zeros(()),
) -> nn.Module:
    """Train in place with AdamW and one cycle of the learning rate; returned in eval mode.

    The penalty, of the weights as they are, is added to the loss of each step.
    """
    steps = epochs * -(-len(x) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak_rate, steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(BATCH):
            loss = functional.cross_entropy(model(x[batch]), classes[batch]) + penalty()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def export(
    model: nn.Module, shape: tuple[int, int, int], output: str, image: str = "image"
) -> onnx.ModelProto:
    """Export with the TorchScript exporter; ``shape`` is that of one picture."""
    buffer = io.BytesIO()
    torch.onnx.export(
        model.eval(),
        (torch.zeros(1, *shape),),
        buffer,
        dynamo=False,
        opset_version=OPSET,
        input_names=[image],
        output_names=[output],
        dynamic_axes={image: {0: "N"}, output: {0: "N"}},
    )
    return onnx.load_from_string(buffer.getvalue())
