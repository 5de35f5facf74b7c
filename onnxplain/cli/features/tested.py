"""``onnxplain features``: the views that put selected features to the test."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.features.options import (
    at_least_one,
    layers_option,
    model_argument,
    mu_option,
    top_option,
    view_options,
)
from onnxplain.cli.options import data_argument, seed_option
from onnxplain.cli.walled import Walled

_limit_option = click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Use only N pictures, evenly spread over the data. Default: all; 200 for flowers.",
)


@click.command(cls=Walled, short_help="Write the responses of all filters to a data set.")
@model_argument
@data_argument
@layers_option
@_limit_option
@seed_option
@view_options
def responses(**options: Any) -> int:
    """Write the responses of all filters of MODEL to DATA, before anything is selected.

    Every picture in DATA needs a class; the word 'flowers' stands for the built-in data set.
    Writes MODEL.responses.npz: ``X`` (filters x pictures, the length of each filter's map),
    ``normalised`` (the same as the selection uses it) and ``L`` (classes x pictures).
    """
    from onnxplain.cli.features.tested_views import run_responses

    return run_responses(**options)


@click.command(cls=Walled, short_help="Silence selected filters and measure the accuracy.")
@model_argument
@click.argument("bundle", metavar="FEATURES.npz", type=click.Path(readable=False))
@data_argument
@click.option(
    "--counts",
    default="0,1,2,4,6,8",
    show_default=True,
    metavar="N,N,...",
    help="How many filters of each class to silence.",
)
@at_least_one("--draws", 5, "Random choices of other filters to compare with.")
@_limit_option
@seed_option
@view_options
def ablation(**options: Any) -> int:
    """Silence the filters that `relevant` selected, and measure the mean class accuracy (mCA).

    Beside them stand as many random filters of the same layers, and as many that no class
    selected. Use pictures that the selection did not see. The word 'flowers' stands for the
    built-in data set. Writes MODEL.ablation.png and .json.
    """
    from onnxplain.cli.features.tested_views import run_ablation

    return run_ablation(**options)


@click.command(cls=Walled, short_help="Compare selected features with other maps by masks.")
@model_argument
@data_argument
@mu_option
@layers_option
@top_option
@click.option(
    "--select",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of pictures to select on. Default: half of the data; 200 for flowers.",
)
@_limit_option
@at_least_one("--count", 3, "Maximum number of features per picture.")
@at_least_one("--examples", 4, "Number of pictures to draw.")
@click.option(
    "--blur",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="PIXELS",
    help="Standard deviation of a blur applied to each map before it is measured.",
)
@seed_option
@view_options
def protocol(examples: int, **options: Any) -> int:
    """Select features on one part of DATA and measure maps on another, by masks of what decides.

    Compared by overlap (IoU) over thresholds: selected features projected back, their upsampled
    activations, guided backpropagation, Grad-CAM, Grad-CAM++, and maps that never look at the
    model. The word 'flowers' stands for the built-in data set. Writes MODEL.protocol.png (curves),
    .examples.png (maps), .features.png, .npz (features) and every number.
    """
    from onnxplain.cli.features.tested_views import run_protocol

    return run_protocol(shown=examples, **options)
