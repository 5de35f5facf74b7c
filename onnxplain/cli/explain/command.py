"""``onnxplain explain``: pictures and numbers for images."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import (
    debug_option,
    engine_option,
    json_option,
    method_option,
    model_options,
    out_option,
    parameter_option,
    quiet_option,
    seed_option,
)
from onnxplain.cli.walled import Walled
from onnxplain.targets.boxes.parts import MATCHES, PARTS

_HELP = """Explain what MODEL saw in each IMAGE: a file, a folder or a pattern.

\b
For each image and method these files are written:
  NAME.METHOD.png            the map over the picture
  NAME.METHOD.npz            the raw numbers with their provenance
  NAME.sheet.png             all methods side by side, for up to 10 pictures
  NAME.occlusion-maps.png    what the model says while each window is covered
  NAME.clear-maps.png        which class each place responds to
  NAME.METHOD-maps.png       of methods that draw samples: the map's standard error
  NAME.METHOD.grid.png       with --grid: the maps of all values; .json has every cell
With several targets, which share their computation: NAME.METHOD.INDEX.png and so on.
"""


@click.command(cls=Walled, help=_HELP, short_help="Explain what MODEL saw in images.")
@click.argument("model", type=click.Path(readable=False))
@click.argument(
    "images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(readable=False)
)
@method_option(
    "all that the model allows; sampling then ends after 10 seconds for each map, and score-cam "
    "takes the 64 strongest feature maps, unless told otherwise"
)
@click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="Class to explain, by name or index, repeatable; top-3 takes the three most probable "
    "ones, not-NAME the negative of a Sigmoid's class, NAME@ROW,COLUMN a place of a dense "
    "output. Default: the most probable one.",
)
@click.option(
    "--kind",
    type=click.Choice(["logit", "probability", "raw"]),
    help="Score to explain; raw is what the output holds. Default: of occlusion and its like the "
    "probability, of others the logit, less the mean of the other classes' logits where classes "
    "compete; `--kind logit` is the logit alone.",
)
@click.option(
    "--part",
    type=click.Choice(PARTS),
    help="Which number of a detector's box gradient and relevance methods explain. Default: class.",
)
@click.option(
    "--match",
    type=click.Choice(MATCHES),
    help="How methods that change the picture tell that a detector's box is still there: overlap "
    "times the score of its class, or times the likeness of all scores. Default: score; for d-rise "
    "likeness, as in its paper.",
)
@click.option(
    "--contrast", metavar="NAME|INDEX", help="Explain why the target rather than this class."
)
@click.option(
    "--margin", is_flag=True, help="Explain why the target rather than the next best class."
)
@click.option(
    "--layer",
    metavar="last|early|N|TENSOR",
    help="Layer of class activation maps: the chosen one, one of an early stage with finer maps, "
    "or by number (-1 from the end) or name, as `inspect --layers` lists them. Default: last.",
)
@click.option(
    "--at",
    metavar="float|normalised|TENSOR",
    help="Explain a tensor inside of the graph's own preprocessing instead of its input: the "
    "first floating-point one, the last one, or by name.",
)
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
    help="End the work on a map (rise, occlusion, smoothgrad, ...) after this time and take the "
    "best map so far; where it is an estimate, its standard error is kept with it.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SHARE",
    help="End the sampling of a map when its standard error is below this share of its range "
    "of values.",
)
@click.option(
    "--average",
    type=click.IntRange(min=2),
    metavar="N",
    help="For a file that draws random numbers: the mean map of N runs, with its standard error. "
    "Without, such a file is refused.",
)
@click.option(
    "--style",
    type=click.Choice(["overlay", "photo", "map", "grey", "black"]),
    default="overlay",
    show_default=True,
    help="How maps are drawn: over the photo in grey or in its colours, alone, or gradients of the "
    "pixels as colours on mid-grey or black.",
)
@click.option(
    "--contour",
    is_flag=True,
    help="Draw a line around half of a map's strongest value and more; not in maps of single "
    "pixels, which consist of dots.",
)
@click.option(
    "--columns",
    type=click.IntRange(min=1),
    metavar="N",
    help="Most panels in a row of a sheet: 2 suit a page of a paper, 6 put the maps of `-t top-5` "
    "beside the photo in one row. Default: 4, or what suits a slide.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["png", "svg", "pdf"]),
    default="png",
    show_default=True,
    help="Of sheets and of methods' own pictures; overlays are PNG.",
)
@out_option("explained")
@model_options
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Most inputs at a time: memory and speed, not the result.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads within an operator, in both engines. Default: their own choice.",
)
@engine_option
@seed_option
@click.option(
    "--precision",
    type=click.Choice(["single", "double"]),
    default="single",
    show_default=True,
    help="Arithmetic of gradients and relevance.",
)
@click.option(
    "--allow-mismatch",
    is_flag=True,
    help="Explain although the converted model differs from the deployed one.",
)
@click.option(
    "--sheets/--no-sheets",
    default=None,
    help="Draw all methods of a picture side by side. Default: for up to 10 pictures.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads that draw and write beside the computing. Default: as many as cores.",
)
@click.option(
    "-v", "--verbose", is_flag=True, help="Print the figures behind the sentences as well."
)
@quiet_option
@json_option
@debug_option
def explain(**options: Any) -> int:  # fmt: skip
    """Explain images."""
    from onnxplain.cli.explain.run import run

    return run(**options)
