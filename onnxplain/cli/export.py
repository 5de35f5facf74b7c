"""``onnxplain export``: a model that carries its explanation."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import debug_option, json_option, model_options, quiet_option
from onnxplain.cli.walled import Walled

_HELP = """Write a copy of MODEL with maps as further outputs.

The scores stay the same in every bit. The maps are computed by standard operators, wherever ONNX
Runtime runs, without Python. The file takes further inputs, each with a default: `explain` (false:
scores alone), `target` (-1: what is predicted) and, as the task has it, `contrast` (-3: the mean
of the other classes, -2: the next best one, -1: none), `region`, `label` or `reference`;
docs/export.md lists them. It is checked before it appears under its name.
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
    help="The file to write.",
)
@click.option(
    "-t",
    "--target",
    metavar="TARGET",
    help="What the file explains by default, as in `explain`: a class, value, place or box, or "
    "like=PICTURE. Default: what is predicted.",
)
@click.option(
    "--layer",
    metavar="last|early|N|TENSOR",
    help="Layer of class activation maps, as in `explain`. Default: last.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="Points on the way of integrated gradients.",
)
@click.option(
    "--baseline",
    default="black",
    show_default=True,
    metavar="NAME",
    help="Where that way begins: black, white, noise, a number or an image file.",
)
@click.option(
    "--composite",
    default="auto",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="Rules of lrp, as in `explain -m lrp -p composite=...`.",
)
@click.option(
    "--image",
    "picture",
    metavar="FILE",
    type=click.Path(readable=False),
    help="Picture on which the file is checked. Default: a smooth random one.",
)
@click.option(
    "--required-inputs",
    "required",
    is_flag=True,
    help="Give the three further inputs no defaults. ONNX Runtime for JavaScript cannot feed an "
    "input that has one.",
)
@click.option(
    "--map-size",
    type=click.Choice(["layer", "input"]),
    default="layer",
    show_default=True,
    help="Size of the maps: the method's own grid, or height and width of the model's input, "
    "enlarged as `explain` does it and with channels summed.",
)
@click.option(
    "--map-scale",
    type=click.Choice(["raw", "unit"]),
    default="raw",
    show_default=True,
    help="Numbers of the maps: the method's own, or from 0 to 1 (signed maps: -1 to 1), as "
    "`explain` colours them.",
)
@click.option(
    "--overlay",
    is_flag=True,
    help="Write one more output: the picture with the map laid over it, as `explain` draws it.",
)
@click.option(
    "--uint8",
    is_flag=True,
    help="Let the file take pixels of 0 to 255, (N, H, W, 3) in RGB at the model's size. The "
    "model's preprocessing becomes part of the file.",
)
@model_options
@quiet_option
@json_option
@debug_option
def export(**options: Any) -> None:
    """Write a model that carries its explanation."""
    from onnxplain.cli.export_run import run

    run(**options)
