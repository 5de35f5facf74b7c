"""``onnxplain inspect``: what is in a model file, and what works with it."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import debug_option, json_option, model_options
from onnxplain.cli.walled import Walled


@click.command(cls=Walled, short_help="Show what is in MODEL and what works with it.")
@click.argument("model", type=click.Path(readable=False))
@click.argument("images", nargs=-1)
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
@click.option(
    "--try",
    "trying",
    is_flag=True,
    help="Show what the model says of IMAGES (files, patterns, tables, or folders, whose "
    "subfolders name the classes; 16 at most) under each plausible preprocessing, the most "
    "plausible first.",
)
@click.option(
    "--save",
    is_flag=True,
    help="Write --preprocess, --labels, --task, --scores and --output, those that are given, into "
    "<model>.onnxplain.json beside the model, where every command finds them.",
)
@click.option("--force", is_flag=True, help="With --save: replace what is there and differs.")
@model_options
@json_option
@debug_option
def inspect(
    model: str,
    images: tuple[str, ...],
    as_json: bool,
    parity: str | None,
    trying: bool,
    layers: bool,
    save: bool,
    force: bool,
    **options: Any,
) -> None:
    """Show what is in MODEL, what it is taken for, and which methods it allows.

    IMAGES go with --try: which preprocessing is the right one?
    """
    if images and not trying:
        raise click.UsageError(f"{images[0]!r} is not an option; pictures go with --try")
    if trying and save:
        raise click.UsageError("--save keeps one preprocessing: choose it with --preprocess")
    if force and not save:
        raise click.UsageError("--force goes with --save")
    from onnxplain.cli.inspect_report import report

    pictures = list(images) if trying else None
    report(
        model, as_json, options, parity,
        layers=layers, pictures=pictures, save=save, force=force,
    )  # fmt: skip
