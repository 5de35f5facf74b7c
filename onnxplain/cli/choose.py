"""``onnxplain choose``: which method can be trusted on this model, if any."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.flowers import flower_options
from onnxplain.cli.options import (
    data_argument,
    debug_option,
    engine_option,
    json_option,
    masks_option,
    methods_option,
    metrics_option,
    model_options,
    parameter_option,
    quiet_option,
    target_option,
)
from onnxplain.cli.walled import Walled

_HELP = """Measure methods on MODEL over pictures and choose the best, if one beats blind maps.

DATA is what `evaluate` takes: a folder, a pattern, a picture, a table, or the word 'flowers'.

A method beats the controls if its maps follow the model's score better than every blind map
(random, centre, edges, saturation, and its own maps of networks whose weights were shuffled),
by an exact test over the pictures, corrected for all methods and measures. The choice is kept
beside MODEL as NAME.choice.json, where `explain --trust` finds it. docs/trust.md explains the
rule and the tests.
"""


@click.command(cls=Walled, help=_HELP, short_help="Measure methods and choose the best.")
@click.argument("model", type=click.Path(readable=False))
@data_argument
@methods_option(
    "Methods by name; 'all' is every method that the model allows. Default: grad-cam, "
    "layercam, gradient-x-input, lrp, attn-lrp, attention-rollout and occlusion, as far as the "
    "model allows them."
)
@parameter_option
@click.option(
    "--grid",
    multiple=True,
    metavar="METHOD.KEY=VALUE,VALUE,...",
    help="Measure a method once with each of these values of a parameter. Repeatable.",
)
@metrics_option(
    "Further measures by which methods are compared with the controls. Default: with masks "
    "rank-accuracy and energy-in-mask. imputed-regions is always measured, and decides."
)
@masks_option
@target_option
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Use only N pictures, evenly spread over the data.",
)
@flower_options
@click.option(
    "-o",
    "--out",
    "file",
    metavar="FILE",
    type=click.Path(readable=False),
    help="File for the choice. Default: NAME.choice.json beside the model.",
)
@model_options
@engine_option
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Random seed, also for drawing flowers and shuffling weights.",
)
@quiet_option
@json_option
@debug_option
def choose(**options: Any) -> int:  # fmt: skip
    """Choose a method."""
    from onnxplain.cli.choose_run import run

    return run(**options)
