"""``onnxplain inspect``: what is in a model file, and what works with it."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import debug_option, json_option, model_options


@click.command(short_help="Show what is in MODEL and what works with it.")
@click.argument("model", type=click.Path(readable=False))
@click.option(
    "--parity",
    metavar="[IMAGE]",
    is_flag=False,
    flag_value="",
    help="Compare ONNX Runtime and PyTorch tensor by tensor, on IMAGE or on a smooth "
    "random picture, and name the first tensor where they part.",
)
@click.option(
    "--layers",
    is_flag=True,
    help="List every layer that --layer takes, with its number, and say why one is chosen.",
)
@model_options
@json_option
@debug_option
def inspect(model: str, as_json: bool, parity: str | None, layers: bool, **options: Any) -> None:
    """Show what is in MODEL, what it is taken for, and which methods it allows."""
    from onnxplain.cli.inspect_report import report

    report(model, as_json, options, parity, layers)
