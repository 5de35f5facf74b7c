"""What the command asks of ONNX Runtime's sessions, and says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from onnxplain import machine
from onnxplain.adapters.device import cuda_device_count
from onnxplain.cli.choices import Chosen
from onnxplain.cli.console import remark
from onnxplain.errors import OnnxplainError
from onnxplain.model.model import Model
from onnxplain.network.chosen_layer import named_layer
from onnxplain.process.journal import is_careful


def say_device(model: Model, asked: str) -> None:
    """Say that no GPU is used, and why, unless somebody chose."""
    if asked == "auto" and model.network.ort.device == "CPUExecutionProvider":
        why = "no CUDA device" if not cuda_device_count() else "ONNX Runtime cannot load CUDA"
        remark(f"device: cpu ({why})")


def open_ahead(model: Model, chosen: Sequence[Chosen]) -> None:
    """Open the session that reads the layer of a method, while pictures and scores are read."""
    asked = [c.parameters.get("layer") for c in chosen if c.method.takes_layer]
    if asked:
        with suppress(OnnxplainError):  # is refused where the method asks for it
            model.network.ort.sessions.open_ahead([named_layer(model.network, asked[0]).name])


def leaving(model: Model, threads: int | None) -> Callable[[int], None]:
    """What leaves processors to other work, if there are some and nobody said how many to use."""
    if threads is not None or machine.processors() == 1 or is_careful():
        return lambda processors: None
    return lambda processors: model.network.ort.leave(processors)
