"""What ``onnxplain export`` does."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onnxplain.cli.console import document, line, remark, table
from onnxplain.cli.explain.run import require_writable
from onnxplain.errors import OutputError
from onnxplain.export.check_view import ViewCheck
from onnxplain.export.export import Export, export
from onnxplain.export.plan import known_methods
from onnxplain.export.view import View
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
    composite: str,
    picture: str | None,
    required: bool,
    map_size: str,
    map_scale: str,
    overlay: bool,
    uint8: bool,
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
        target=target, layer=layer, steps=steps, baseline=baseline, composite=composite,
        picture=picture, required=required,
        view=View(map_size, map_scale, overlay, uint8),
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
        **made.view.to_dict(),
        "overlays": dict(made.written.overlays),
        "preprocess": made.preprocess or None,
        "looks": None if made.looks is None else dataclasses.asdict(made.looks),
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
    if made.looks is not None:
        _show_looks(made, made.looks)
    if made.layer:
        line(f"layer: {made.layer}")
    if made.forward != "shared":
        line(f"forward pass: {made.forward} for the maps, which would change its last bits")
    line(f"{made.path}: {made.bytes:,} bytes, {made.grown:+,} to the original")


def _show_looks(made: Export, looks: ViewCheck) -> None:
    if made.written.picture:
        line(f"input {made.written.picture}: uint8, preprocessing inside ({made.preprocess})")
    if made.view.flattens:
        what = f"size of the {made.view.map_size}, {made.view.map_scale}"
        line(f"maps: {what}; within {looks.map_error:.1e} of what `explain` shows")
    if made.written.overlays:
        names = ", ".join(made.written.overlays.values())
        beyond = f"; {looks.overlay_share:.2%} of the numbers differ by more than 1"
        line(
            f"{names}: within {looks.overlay_levels} of 255 levels of `explain`'s"
            + (beyond if looks.overlay_levels > 1 else "")
        )
