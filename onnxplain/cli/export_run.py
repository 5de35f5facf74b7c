"""What ``onnxplain export`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onnxplain.cli.console import document, line, remark, table
from onnxplain.cli.explain.run import require_writable
from onnxplain.errors import OutputError
from onnxplain.export.export import Export, export
from onnxplain.export.plan import known_methods
from onnxplain.model.load import load


def run(
    *,
    model: str,
    out: str,
    methods: Sequence[str],
    target: str | None,
    layer: str | None,
    steps: int,
    baseline: str,
    picture: str | None,
    quiet: bool,
    as_json: bool,
    **opening: Any,
) -> None:
    """Write the file and print how it was checked.

    Raises
    ------
    OnnxplainError
        If nothing could be written.
    """
    chosen = known_methods(methods)
    path = Path(out)
    if path.is_dir():
        raise OutputError(f"{out!r} is a folder; name a file with -o")
    require_writable(path.parent)
    opened = load(model, **opening)
    if not quiet:
        for text in opened.warnings:
            remark(f"warning: {text}")
    made = export(
        opened, model, path, chosen,
        target=target, layer=layer, steps=steps, baseline=baseline, picture=picture,
    )  # fmt: skip
    if as_json:
        document(_plain(made))
    elif not quiet:
        _show(made)


def _plain(made: Export) -> dict[str, Any]:
    return {
        "file": str(made.path),
        "bytes": made.bytes,
        "grown": made.grown,
        "scores_equal": True,
        "forward": made.forward,
        "layer": made.layer or None,
        "inputs": dict(made.written.inputs),
        "gap": made.written.gap or None,
        "maps": [
            {
                "method": m.method,
                "output": made.written.outputs[m.method],
                "error": m.error,
                "correlation": m.correlation,
                "exact": m.exact,
            }
            for m in made.maps
        ],
    }


def _show(made: Export) -> None:
    rows = [
        (
            m.method, made.written.outputs[m.method], f"{m.error:.1e}", f"{m.correlation:.7f}",
            "" if m.exact is None else f"{m.exact:.1e}",
        )
        for m in made.maps
    ]  # fmt: skip
    columns = ["method", "output", "difference", "correlation", "in float64"]
    table("maps against the PyTorch engine's, on one picture", columns, rows)
    line("scores: equal to the original's in every bit, with and without maps")
    if made.layer:
        line(f"layer: {made.layer}")
    if made.forward != "shared":
        line(f"forward pass: {made.forward} for the maps, which would change its last bits")
    line(f"{made.path}: {made.bytes:,} bytes, {made.grown:+,} to the original")
