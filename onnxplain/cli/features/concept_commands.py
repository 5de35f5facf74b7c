"""Commands of ``onnxplain features`` that look for concepts."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.features.options import (
    at_least_one,
    images_argument,
    layer_option,
    mismatch_option,
    model_argument,
    view_options,
)
from onnxplain.cli.walled import Walled

_TARGET = click.option(
    "-t",
    "--target",
    metavar="TARGET",
    help="Class to explain, or another target as in `explain`. Default: the predicted class.",
)


@click.command(cls=Walled, short_help="Show which channels a prediction uses, and where.")
@model_argument
@images_argument
@click.option(
    "--data",
    multiple=True,
    metavar="FOLDER|PATTERN|TABLE|IMAGE",
    type=click.Path(readable=False),
    help="Data set from which reference pictures are chosen. Default: none are shown. Repeatable.",
)
@layer_option
@click.option("--channels", metavar="N,N,...", help="Channels to show. Default: the most relevant.")
@at_least_one("--count", 5, "Number of channels, the most relevant first.")
@click.option(
    "--images",
    "images_per_channel",
    default=6,
    show_default=True,
    type=click.IntRange(min=1),
    help="Reference pictures per channel.",
)
@_TARGET
@click.option(
    "--references",
    "references_by",
    type=click.Choice(["own", "target"]),
    default="own",
    show_default=True,
    help="Rank reference pictures by relevance for their own predicted class, or for the target.",
)
@click.option(
    "--composite",
    default="auto",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="Rules of the relevance, as in the method lrp.",
)
@mismatch_option
@view_options
def crp(**options: Any) -> int:
    """Show how much each channel of a layer contributes to a target, and where.

    Relevance is propagated through one channel at a time. With --data, each channel is shown with
    the pictures in which it is most relevant (Achtibat et al. 2023). Takes one pass over the data.
    Writes NAME.crp.LAYER.png and .npz for each IMAGE.
    """
    from onnxplain.cli.features.concept_views import run_crp

    return run_crp(**options)


COMMANDS = (crp,)
