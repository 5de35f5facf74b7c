"""``onnxplain evaluate``: can the maps of a method be trusted on this model."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import (
    boxes_option,
    data_argument,
    debug_option,
    engine_option,
    json_option,
    masks_option,
    method_option,
    model_options,
    out_option,
    parameter_option,
    quiet_option,
    target_option,
)
from onnxplain.cli.walled import Walled

_HELP = """Measure how far METHODS can be trusted on MODEL over a data set.

DATA is a folder (its subfolders name the classes, its folder 'masks' says where the
evidence is), a pattern, a picture, or a table (CSV or JSON) with the columns file and, if
known, label, mask, x0, y0, x1, y1; several of them are one data set. DATA can also be the
word 'flowers': a controlled set that is drawn for the occasion, in which the place of the
evidence is known to the pixel.

\b
These files are written:
  evaluation.json   every number, with its provenance
  summary.csv       mean, spread, 95 % interval and rank of each method
  rows.csv          each picture, method and measure
  boxes.csv         of a detector: hits, misses and false positives of each class
  curves.png        deletion, insertion and overlap curves, if there are any
"""


def _list_measures(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from onnxplain.cli.evaluate_run import list_measures

        list_measures()
        context.exit()


@click.command(
    cls=Walled, help=_HELP, short_help="Measure how far methods can be trusted on MODEL."
)
@click.argument("model", type=click.Path(readable=False))
@data_argument
@method_option()
@click.option(
    "--metrics",
    "measures",
    multiple=True,
    metavar="NAME[,NAME...]",
    help="Measures by name (see --list-metrics). Default: deletion and insertion, with masks "
    "also mean-iou, iou-at-area, pointing-game and energy-in-mask, with --boxes the last two.",
)
@click.option(
    "--list-metrics",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_measures,
    help="List the measures and exit.",
)
@masks_option
@boxes_option
@target_option
@click.option(
    "--explain",
    "explained",
    type=click.Choice(["label", "prediction"]),
    default="label",
    show_default=True,
    help="Which class the maps are made for without --target; without a label the prediction.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only N pictures, evenly spread; of flowers 200 if not given.",
)
@click.option(
    "--variant",
    type=click.Choice(["single6", "double12"]),
    default="double12",
    show_default=True,
    help="Of flowers: the colour of the petals is the class, or of petals or stem.",
)
@click.option(
    "--decoys/--no-decoys",
    default=True,
    show_default=True,
    help="Of flowers: whether pot and background take colours of the classes.",
)
@click.option(
    "--blur",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="PIXELS",
    help="Blur every map by this standard deviation before it is measured.",
)
@click.option(
    "--step",
    type=click.IntRange(min=1),
    metavar="PIXELS",
    help="Deletion and insertion: pixels exchanged at a time. Default: a row.",
)
@click.option(
    "--deletion-fill",
    "deleted",
    default="black",
    show_default=True,
    metavar="FILL",
    help="What pixels become that are taken away: black, white, mean, blur, noise, an image "
    "file, or a number.",
)
@click.option(
    "--insertion-fill",
    "inserted",
    default="blur",
    show_default=True,
    metavar="FILL",
    help="What insertion begins with.",
)
@click.option(
    "--strong-share",
    "strong",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    metavar="SHARE",
    help="Share of the pixels that count as the strongest.",
)
@click.option(
    "--order",
    type=click.Choice(["cascading", "independent"]),
    default="cascading",
    show_default=True,
    help="Randomisation: all layers from the output on lose their weights, or one at a time.",
)
@click.option(
    "--stages",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    metavar="N",
    help="Randomisation: how many times that is done; 1 is the whole network.",
)
@parameter_option
@out_option("evaluated")
@model_options
@engine_option
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of random draws, flowers included.",
)
@quiet_option
@json_option
@debug_option
def evaluate(**options: Any) -> int:  # fmt: skip
    """Evaluate methods."""
    from onnxplain.cli.evaluate_run import run

    return run(**options)
