"""``onnxplain evaluate``: can the maps of a method be trusted on this model."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.flowers import flower_options
from onnxplain.cli.options import (
    boxes_option,
    data_argument,
    debug_option,
    engine_option,
    json_option,
    masks_option,
    method_option,
    metrics_option,
    model_options,
    out_option,
    parameter_option,
    quiet_option,
    target_option,
)
from onnxplain.cli.walled import Walled

_HELP = """Measure how far each method can be trusted on MODEL, over a data set.

DATA is a folder (its subfolders name the classes, and a subfolder 'masks' marks the
evidence), a pattern, a picture, or a table (CSV or JSON) with the column file and the optional
columns label, mask, x0, y0, x1, y1. Several of them form one data set. The word 'flowers'
stands for a built-in data set, drawn when it is needed, in which the evidence is known to the
pixel.

\b
Files written:
  evaluation.json   every number, with its provenance
  summary.csv       mean, standard deviation, 95 % interval and rank of each method
  rows.csv          one row per picture, method and measure
  boxes.csv         for detectors: hits, misses and false positives per class
  curves.png        deletion, insertion and overlap curves, if any were measured
"""


def _list_measures(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from onnxplain.cli.evaluate_run import list_measures

        list_measures()
        context.exit()


@click.command(cls=Walled, help=_HELP, short_help="Measure how far each method can be trusted.")
@click.argument("model", type=click.Path(readable=False))
@data_argument
@method_option()
@metrics_option(
    "Measures by name (see --list-metrics). Default: deletion and insertion; with masks also "
    "mean-iou, iou-at-area, pointing-game and energy-in-mask; with --boxes also the last two."
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
    help="Which class to explain if there is no --target. A picture without a label is explained "
    "for its prediction.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Use only N pictures, evenly spread over the data. Default: all; 200 for flowers.",
)
@flower_options
@click.option(
    "--blur",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="PIXELS",
    help="Standard deviation of a blur applied to each map before it is measured.",
)
@click.option(
    "--step",
    type=click.IntRange(min=1),
    metavar="PIXELS",
    help="Deletion and insertion: pixels changed per step. Default: one row.",
)
@click.option(
    "--deletion-fill",
    "deleted",
    default="black",
    show_default=True,
    metavar="FILL",
    help="Value of deleted pixels: black, white, mean, blur, noise, an image file, or a number.",
)
@click.option(
    "--insertion-fill",
    "inserted",
    default="blur",
    show_default=True,
    metavar="FILL",
    help="Picture that insertion starts from.",
)
@click.option(
    "--strong-share",
    "strong",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    metavar="SHARE",
    help="Share of pixels that count as strongest.",
)
@click.option(
    "--order",
    type=click.Choice(["cascading", "independent"]),
    default="cascading",
    show_default=True,
    help="Weight randomisation: layers from the output down, cumulatively, or one layer at a time.",
)
@click.option(
    "--stages",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    metavar="N",
    help="Weight randomisation: number of stages; 1 randomises the whole network at once.",
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
    help="Random seed, also for drawing flowers.",
)
@quiet_option
@json_option
@debug_option
def evaluate(**options: Any) -> int:  # fmt: skip
    """Evaluate methods."""
    from onnxplain.cli.evaluate_run import run

    return run(**options)
