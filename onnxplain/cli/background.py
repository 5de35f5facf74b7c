"""``onnxplain background``: fit what prediction difference analysis draws from, once."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import data_argument, debug_option, model_options
from onnxplain.cli.walled import Walled


@click.command(cls=Walled)
@click.argument("model", type=click.Path())
@data_argument
@click.option(
    "-o",
    "--out",
    "path",
    default="background.npz",
    show_default=True,
    metavar="FILE",
    help="Output file.",
)
@click.option(
    "--sampler",
    default="conditional",
    show_default=True,
    metavar="conditional|joint|marginal",
    help="conditional: a Gaussian per channel, given the pixels around the window; joint: one "
    "Gaussian for all channels; marginal: patches of the pictures.",
)
@click.option(
    "--window",
    metavar="HEIGHTxWIDTH",
    help="Window size. Default: an eighth of the input.",
)
@click.option(
    "--padding",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    metavar="PIXELS",
    help="Width of the border around the window that the samples are conditioned on.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Random seed for the places of windows."
)
@model_options
@debug_option
def background(**options: Any) -> None:
    """Learn typical pixels from a data set, for -m prediction-difference.

    DATA is a folder, a pattern, a table or a picture; several of them form one data set. Use the
    file with
    `explain -m prediction-difference -p background=FILE`.
    """
    from onnxplain.cli.background_run import run

    run(**options)
