"""``onnxplain explain``: pictures and numbers for images."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import (
    at_option,
    batch_size_option,
    debug_option,
    engine_option,
    json_option,
    method_option,
    model_options,
    out_option,
    parameter_option,
    precision_option,
    quiet_option,
    seed_option,
    threads_option,
)
from onnxplain.cli.walled import Walled
from onnxplain.targets.boxes.parts import MATCHES, PARTS

_HELP = """Explain the prediction of MODEL for each IMAGE: a file, a folder or a pattern.

\b
Files written for each image and method:
  NAME.METHOD.png            the map over the picture
  NAME.METHOD.npz            the raw numbers and their provenance
  NAME.sheet.png             all maps side by side, for up to 10 pictures
  NAME.occlusion-maps.png    the score while each window is covered
  NAME.clear-maps.png        which class each place responds to
  NAME.METHOD-maps.png       for sampling methods: the standard error of the map
  NAME.METHOD.grid.png       with --grid: the maps of all values; .json has every cell
With several targets the names are NAME.METHOD.INDEX.png and so on.
"""


@click.command(cls=Walled, help=_HELP, short_help="Explain the prediction for each image.")
@click.argument("model", type=click.Path(readable=False))
@click.argument(
    "images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(readable=False)
)
@method_option(
    "every method that the model allows; each map is then sampled for at most 10 seconds, and "
    "score-cam uses the 64 strongest feature maps, unless you say otherwise"
)
@click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="Class to explain, by name or index. top-3: the three most probable classes; not-NAME: "
    "the opposite of a Sigmoid's class; NAME@ROW,COLUMN: one place of a dense output. "
    "Default: the most probable class. Repeatable.",
)
@click.option(
    "--kind",
    type=click.Choice(["logit", "probability", "raw"]),
    help="Score to explain; raw is the value of the output itself. Default: the probability for "
    "occlusion and other perturbation methods if the model has one; else the logit, minus the mean "
    "of the other classes' logits if classes compete. `--kind logit` subtracts nothing.",
)
@click.option(
    "--part",
    type=click.Choice(PARTS),
    help="Detectors: which number of the box gradient and relevance methods explain. Default: "
    "class.",
)
@click.option(
    "--match",
    type=click.Choice(MATCHES),
    help="Detectors: how perturbation methods find the box again: overlap times the score of its "
    "class, or overlap times the similarity of all scores. Default: score; for d-rise "
    "likeness, as in its paper.",
)
@click.option("--contrast", metavar="NAME|INDEX", help="Explain why the target and not this class.")
@click.option("--margin", is_flag=True, help="Explain why the target and not the next best class.")
@click.option(
    "--layer",
    metavar="last|early|N|TENSOR",
    help="Layer for class activation maps: last, early (finer maps), or a number (-1 counts from "
    "the end) or name from `inspect --layers`. Default: last.",
)
@at_option
@parameter_option
@click.option(
    "--grid",
    multiple=True,
    metavar="[METHOD.]KEY=VALUE,VALUE,...",
    help="Draw one method with each of these values of a parameter side by side; given twice, "
    "the first parameter gives the rows and the second the columns.",
)
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop each map (rise, occlusion, smoothgrad, ...) after this time and keep the best map "
    "so far, with its standard error if it is an estimate.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SHARE",
    help="Stop sampling a map when its standard error falls below this share of its value range.",
)
@click.option(
    "--average",
    type=click.IntRange(min=2),
    metavar="N",
    help="For models that draw random numbers: average the maps of N runs and report the standard "
    "error. Without this option such a model is refused.",
)
@click.option(
    "--trust",
    is_flag=True,
    help="Judge each map among blind maps of the same picture: it beats the controls, is "
    "undecided, or no method does. Needs what `onnxplain choose` kept beside the model, or 20 "
    "pictures. Without -m, explains by the chosen method.",
)
@click.option(
    "--choice",
    metavar="FILE",
    type=click.Path(readable=False),
    help="File that `onnxplain choose` wrote; implies --trust. Default: NAME.choice.json beside "
    "the model.",
)
@click.option(
    "--style",
    type=click.Choice(["overlay", "photo", "map", "grey", "black"]),
    default="overlay",
    show_default=True,
    help="How to draw maps. overlay: over the grey photo; photo: over the colour photo; map: "
    "alone; grey, black: pixel gradients as colours on that background.",
)
@click.option(
    "--contour",
    is_flag=True,
    help="Outline where the map exceeds half of its maximum. Pixel-wise maps consist of dots and "
    "get no outline.",
)
@click.option(
    "--columns",
    type=click.IntRange(min=1),
    metavar="N",
    help="Maximum number of panels in a row of a sheet: 2 suits a column of a paper, 6 puts the "
    "maps of `-t top-5` beside the photo in one row. Default: 4, or what suits a slide.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["png", "svg", "pdf"]),
    default="png",
    show_default=True,
    help="File format of sheets and extra figures; overlays are always PNG.",
)
@out_option("explained")
@model_options
@batch_size_option
@threads_option
@engine_option
@seed_option
@precision_option
@click.option(
    "--allow-mismatch",
    is_flag=True,
    help="Explain the converted model even if it differs from the deployed one.",
)
@click.option(
    "--sheets/--no-sheets",
    default=None,
    help="Draw all maps of a picture side by side. Default: for up to 10 pictures.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads for drawing and writing files. Default: the number of cores.",
)
@click.option(
    "-v", "--verbose", is_flag=True, help="Also print the figures that the sentences are based on."
)
@quiet_option
@json_option
@debug_option
def explain(**options: Any) -> int:  # fmt: skip
    """Explain images."""
    from onnxplain.cli.explain.run import run

    return run(**options)
