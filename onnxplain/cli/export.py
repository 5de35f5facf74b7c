"""``onnxplain export``: a model that carries its explanation."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import debug_option, json_option, model_options, quiet_option

_HELP = """Write a copy of MODEL with maps as further outputs.

The scores stay the same in every bit. The maps are computed by standard operators, wherever ONNX
Runtime runs, without Python. The file takes further inputs, each with a default: `explain` (false:
scores alone), `target` (-1: what is predicted) and, as the task has it, `contrast` (-1: none, -2:
the next best class), `region`, `label` or `reference`; docs/export.md lists them. It is checked
before it appears under its name.
"""


@click.command(help=_HELP, short_help="Write a model that carries its explanation.")
@click.argument("model", type=click.Path(readable=False))
@click.option(
    "-m",
    "--method",
    "methods",
    multiple=True,
    required=True,
    metavar="METHOD[,METHOD...]",
    help="Maps to write: cam, grad-cam and its relatives, gradient, gradient-x-input, saliency, "
    "integrated-gradients.",
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
    "--image",
    "picture",
    metavar="FILE",
    type=click.Path(readable=False),
    help="Picture on which the file is checked. Default: a smooth random one.",
)
@model_options
@quiet_option
@json_option
@debug_option
def export(**options: Any) -> None:
    """Write a model that carries its explanation."""
    from onnxplain.cli.export_run import run

    run(**options)
