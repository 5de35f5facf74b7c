"""``onnxplain export``: a model that carries its explanation."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import debug_option, json_option, model_options, quiet_option
from onnxplain.cli.walled import Walled

_HELP = """Write a copy of MODEL with maps as additional outputs.

The scores stay bit-identical. The maps are computed with standard operators, so the file runs
wherever ONNX Runtime runs, without Python. It has additional inputs, each with a default:
`explain` (false: scores only), `target` (-1: the prediction) and, depending on the task,
`contrast` (-3: the mean of the other classes, -2: the next best class, -1: none), `region`,
`label` or `reference`; docs/export.md lists them. The file is checked before it is saved.
"""


@click.command(cls=Walled, help=_HELP, short_help="Write a model that carries its explanation.")
@click.argument("model", type=click.Path(readable=False))
@click.option(
    "-m",
    "--method",
    "methods",
    multiple=True,
    required=True,
    metavar="METHOD[,METHOD...]",
    help="Maps to write: cam, grad-cam and its relatives, gradient, gradient-x-input, saliency, "
    "integrated-gradients, lrp.",
)
@click.option(
    "-o",
    "--out",
    required=True,
    metavar="FILE",
    type=click.Path(readable=False),
    help="Output file.",
)
@click.option(
    "-t",
    "--target",
    metavar="TARGET",
    help="What the file explains by default, as in `explain`: a class, value, place or box, or "
    "like=PICTURE. Default: the prediction.",
)
@click.option(
    "--layer",
    metavar="last|early|N|TENSOR",
    help="Layer for class activation maps, as in `explain`. Default: last.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="Steps of integrated gradients.",
)
@click.option(
    "--baseline",
    default="black",
    show_default=True,
    metavar="NAME",
    help="Baseline of integrated gradients: black, white, noise, a number or an image file.",
)
@click.option(
    "--composite",
    default="auto",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="Rules for lrp, as in `explain -m lrp -p composite=...`.",
)
@click.option(
    "--image",
    "picture",
    metavar="FILE",
    type=click.Path(readable=False),
    help="Picture for checking the file. Default: a smooth random picture.",
)
@click.option(
    "--required-inputs",
    "required",
    is_flag=True,
    help="Write the added inputs without default values. ONNX Runtime for JavaScript cannot set "
    "an input that has one.",
)
@click.option(
    "--map-size",
    type=click.Choice(["layer", "input"]),
    default="layer",
    show_default=True,
    help="Size of the maps. layer: the method's own grid; input: the height and width of the "
    "model's input, resized as in `explain`, with channels summed.",
)
@click.option(
    "--map-scale",
    type=click.Choice(["raw", "unit"]),
    default="raw",
    show_default=True,
    help="Values of the maps. raw: the method's own; unit: 0 to 1 (signed maps: -1 to 1), as "
    "`explain` colours them.",
)
@click.option(
    "--overlay",
    is_flag=True,
    help="Add an output with the map drawn over the picture, as `explain` draws it.",
)
@click.option(
    "--uint8",
    is_flag=True,
    help="Make the file take uint8 RGB pixels of shape (N, H, W, 3) at the model's size. The "
    "preprocessing becomes part of the file.",
)
@model_options
@quiet_option
@json_option
@debug_option
def export(**options: Any) -> None:
    """Write a model that carries its explanation."""
    from onnxplain.cli.export_run import run

    run(**options)
