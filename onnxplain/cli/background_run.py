"""What ``onnxplain background`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onnxplain.cli.console import line, remark
from onnxplain.cli.images import require_order
from onnxplain.cli.progress import progress_bar
from onnxplain.errors import UsageError
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model.load import load
from onnxplain.network.context import Context
from onnxplain.perturb.find_background import find_background


def run(
    *,
    model: str,
    data: Sequence[str],
    path: str,
    sampler: str,
    window: str | None,
    padding: int,
    seed: int,
    **opening: Any,
) -> None:
    """Fit a background on pictures and store it.

    Raises
    ------
    OnnxplainError
        If the model, the pictures or an option do not fit, or the file cannot be written.
    """
    require_order(model, data)
    if Path(path).suffix != ".npz" or any(Path(d).suffix == ".npz" for d in data):
        raise UsageError(f"a background is learned from pictures and stored as .npz, not {path!r}")
    opened = load(model, **opening)
    for text in opened.warnings:
        remark(f"warning: {text}")
    size = check_parameters(find("prediction-difference"), {"window": window})["window"]
    context = Context(opened.network, opened.preprocess, seed)
    with progress_bar(1, quiet=False) as bar:
        bar.job(f"pictures of {data[0]}")
        found = find_background(context, None, data, sampler, size, padding)
        bar.finish()
    found.save(path)
    height, width = found.window
    line(
        f"{path}: {found.sampler}, window {height} x {width}, padding {found.padding}, "
        f"{found.count} pictures"
    )
