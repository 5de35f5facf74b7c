"""``onnxplain features``: what the network has learned, one command for each view of it."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.features.options import (
    at_least_one,
    channels_option,
    count_option,
    images_argument,
    jitter_option,
    layer_option,
    mismatch_option,
    model_argument,
    view_options,
)
from onnxplain.cli.options import data_argument, debug_option, seed_option
from onnxplain.cli.walled import Walled

_HELP = """See what MODEL has learned.

\b
One model alone:
  onnxplain features weights MODEL
One picture:
  onnxplain features maps MODEL IMAGE...
\b
Data sets (folders whose subfolders name the classes, patterns, tables or pictures):
  onnxplain features top-patches MODEL DATA...
  onnxplain features relevant MODEL DATA...
  onnxplain features enriched MODEL FEATURES.npz IMAGE...
  onnxplain features atlas MODEL DATA...
"""


class _Views(click.Group):
    command_class = Walled


@click.group(cls=_Views, help=_HELP, short_help="See what MODEL has learned.")
@debug_option
def features() -> None:
    """Group of the views."""


@features.command(short_help="Kernels of a convolution as images.")
@model_argument
@layer_option
@channels_option
@count_option
@click.option(
    "--scale",
    type=click.Choice(["each", "shared"]),
    default="each",
    show_default=True,
    help="Whether colours end at each filter's own largest magnitude or at that of all.",
)
@view_options
def weights(**options: Any) -> None:
    """Show the kernels of a convolution: the first layer in colour, others in slices.

    Writes MODEL.weights.LAYER.png and .npz (array ``weights``).
    """
    from onnxplain.cli.features.picture_views import run_weights

    run_weights(**options)


@features.command(short_help="Activations of a layer for images.")
@model_argument
@images_argument
@layer_option
@channels_option
@count_option
@click.option("--all", "everything", is_flag=True, help="All channels instead of the strongest.")
@view_options
def maps(**options: Any) -> int:
    """Show what the channels of any tensor answer to each IMAGE, computed in ONNX Runtime.

    Writes NAME.maps.LAYER.png (a grid), NAME.maps.LAYER.photo.png (over the photo, where
    the tensor has places in it) and NAME.maps.LAYER.npz (all channels).
    """
    from onnxplain.cli.features.picture_views import run_maps

    return run_maps(**options)


@features.command("top-patches", short_help="What excites each channel most, over a data set.")
@model_argument
@data_argument
@layer_option
@channels_option
@at_least_one("--count", 12, "How many of the strongest channels.")
@at_least_one("--images", 9, "Pictures for each channel.")
@click.option(
    "--projection",
    type=click.Choice(["guided", "deconvnet", "gradient", "none"]),
    default="guided",
    show_default=True,
    help="How the response of the unit is carried back to the pixels.",
)
@view_options
def top_patches(**options: Any) -> int:
    """Show the patches of DATA that excite the channels of a layer most.

    One pass over the data; it can be interrupted and resumed, and is not repeated for other
    channels. Writes MODEL.top-patches.LAYER.png and .npz (responses, pictures, places).
    """
    from onnxplain.cli.features.data_views import run_top_patches

    return run_top_patches(**options)


@features.command(short_help="The few features that tell the classes of a data set.")
@model_argument
@data_argument
@click.option(
    "--mu",
    default=10.0,
    show_default=True,
    metavar="NUMBER",
    help="Largest sum of a class's weights: the larger, the more features.",
)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="TENSOR",
    help="Select from this layer, repeatable. Default: all convolutions and linear layers.",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    help="Patches in an average image. Default: 100, or as many as there are for each class.",
)
@view_options
def relevant(**options: Any) -> int:
    """Select the few filters that tell the classes of DATA, and show what excites them.

    DATA needs the class of every picture. One pass over it, resumable. Writes
    MODEL.relevant.png, .json and .npz; the latter explains pictures with
    `onnxplain features enriched`.
    """
    from onnxplain.cli.features.data_views import run_relevant

    return run_relevant(**options)


@features.command(short_help="A prediction with the features that made it.")
@model_argument
@click.argument("bundle", metavar="FEATURES.npz", type=click.Path(readable=False))
@images_argument
@click.option("-t", "--target", metavar="NAME|INDEX", help="Class. Default: the predicted one.")
@at_least_one("--count", 3, "Most features shown.")
@mismatch_option
@view_options
def enriched(**options: Any) -> int:
    """Explain what MODEL says about each IMAGE by the features that `relevant` selected.

    Writes NAME.enriched.png and .npz (heatmaps).
    """
    from onnxplain.cli.features.data_views import run_enriched

    return run_enriched(**options)


@features.command("class-model", short_help="The image that a class is all about.")
@model_argument
@click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="Class, or another target as in `explain`, repeatable. Default: the first twelve classes.",
)
@at_least_one("--steps", 200, "Steps of gradient ascent.")
@click.option(
    "--decay",
    default=1e-4,
    show_default=True,
    metavar="NUMBER",
    help="Lambda of the penalty lambda |I|^2.",
)
@click.option(
    "--variation",
    default=1e-4,
    show_default=True,
    metavar="NUMBER",
    help="Factor of the penalty on the total variation.",
)
@jitter_option(8)
@click.option(
    "--blur",
    default=0.5,
    show_default=True,
    metavar="PIXELS",
    help="Blur after every fourth step; 0 for none.",
)
@seed_option
@mismatch_option
@view_options
def class_model(**options: Any) -> None:
    """Make the image that raises a target most, such as a class's logit (Simonyan et al. 2013).

    Writes MODEL.class-model.png and MODEL.class-model.INDEX.npz for each class.
    """
    from onnxplain.cli.features.made_views import run_class_model

    run_class_model(**options)


@features.command(short_help="Show more of what a layer sees in images.")
@model_argument
@images_argument
@layer_option
@click.option("--channel", type=click.IntRange(min=0), help="One channel. Default: all.")
@at_least_one("--octaves", 4, "Sizes, the model's own first.")
@click.option("--scale", default=1.4, show_default=True, help="Ratio of one size to the last.")
@at_least_one("--steps", 10, "At each size.")
@click.option(
    "--rate",
    default=0.01,
    show_default=True,
    help="Mean change of a pixel in a step, as a share of the range of inputs.",
)
@jitter_option(32)
@seed_option
@mismatch_option
@view_options
def dream(**options: Any) -> int:
    """Raise what a layer sees in each IMAGE (inceptionism), at any file's fixed input size.

    Writes NAME.dream.LAYER.png, larger than the model's input.
    """
    from onnxplain.cli.features.made_views import run_dream

    return run_dream(**options)


@features.command(short_help="A data set laid out as a layer sees it.")
@model_argument
@data_argument
@layer_option
@click.option(
    "--embedding",
    type=click.Choice(["tsne", "umap"]),
    default="tsne",
    show_default=True,
    help="What lays the data out: t-SNE, or UMAP (pip install umap-learn).",
)
@click.option(
    "--cells",
    default=14,
    show_default=True,
    type=click.IntRange(min=2, max=40),
    help="Cells along each side.",
)
@at_least_one("--per-image", 1, "Activation vectors from each picture.")
@click.option("--inversion", is_flag=True, help="Also make a picture for each cell (slow).")
@seed_option
@mismatch_option
@view_options
def atlas(**options: Any) -> int:
    """Lay out what a layer tells apart in DATA: similar things lie side by side.

    Writes MODEL.atlas.LAYER.png (patches), .npz (vectors and places) and, on request,
    .inversion.png.
    """
    from onnxplain.cli.features.data_views import run_atlas

    return run_atlas(**options)
