"""``onnxplain inspect``: what is in a model file, and what works with it."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import debug_option, json_option, model_options
from onnxplain.cli.walled import Walled


@click.command(cls=Walled, short_help="Show what a model file contains and what works with it.")
@click.argument("model", type=click.Path(readable=False))
@click.argument("images", nargs=-1)
@click.option(
    "--parity",
    metavar="[IMAGE]",
    is_flag=False,
    flag_value="",
    help="Compare ONNX Runtime and PyTorch tensor by tensor, on IMAGE or on a smooth random "
    "picture, and name the first tensor that differs.",
)
@click.option(
    "--layers",
    is_flag=True,
    help="List every layer that --layer accepts, with its number, and say why one is the default.",
)
@click.option(
    "--try",
    "trying",
    is_flag=True,
    help="Show the predictions for IMAGES under each plausible preprocessing, the most plausible "
    "first. IMAGES are files, patterns, tables, or folders whose subfolders name the "
    "classes; at most 16 are used.",
)
@click.option(
    "--save",
    is_flag=True,
    help="Save the given --preprocess, --labels, --task, --scores and --output to "
    "<model>.onnxplain.json beside the model, where every command finds them.",
)
@click.option("--force", is_flag=True, help="With --save: overwrite values that differ.")
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
    """Show what MODEL contains, how its output is read, and which methods work with it.

    With --try, give IMAGES to find the right preprocessing.
    """
    if images and not trying:
        raise click.UsageError(f"{images[0]!r} is not an option of inspect; pictures need --try")
    if trying and save:
        raise click.UsageError(
            "--try and --save exclude each other: choose a preprocessing with "
            "--preprocess, then save it"
        )
    if force and not save:
        raise click.UsageError("--force needs --save")
    from onnxplain.cli.inspect_report import report

    pictures = list(images) if trying else None
    report(
        model, as_json, options, parity,
        layers=layers, pictures=pictures, save=save, force=force,
    )  # fmt: skip
