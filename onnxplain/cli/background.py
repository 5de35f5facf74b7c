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
    help="Where it is stored.",
)
@click.option(
    "--sampler",
    default="conditional",
    show_default=True,
    metavar="conditional|joint|marginal",
    help="Gaussian for each channel given the pixels around a window, for all channels together, "
    "or pieces of the pictures.",
)
@click.option(
    "--window",
    metavar="HEIGHTxWIDTH",
    help="Window to be filled. Default: an eighth of the input.",
)
@click.option(
    "--padding",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    metavar="PIXELS",
    help="Pixels around the window that are taken as given.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of random places.")
@model_options
@debug_option
def background(**options: Any) -> None:
    """Learn the usual pixels of a window, for -m prediction-difference.

    DATA is a folder, a pattern, a table or a picture; several are one data set. Use the file as
    `explain -m prediction-difference -p background=FILE`.
    """
    from onnxplain.cli.background_run import run

    run(**options)
